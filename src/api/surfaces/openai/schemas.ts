import {
  anyObject,
  anyOf,
  flag,
  integer,
  type JsonSchema,
  listOf,
  meaningful,
  named,
  nonEmpty,
  objectOf,
  oneOf,
  orNull,
  text,
  wishes,
} from '../json-schema.ts'

const tokens = objectOf({ 'prompt_tokens?': integer, 'completion_tokens?': integer, 'total_tokens?': integer })
const beginning = (object: string) => ({ id: text, object: oneOf(object), created: integer, model: text })

/** A text as numbers. */
const tokenNumbers = listAtLeastOne({ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

function listAtLeastOne(items: JsonSchema, maxItems?: number): JsonSchema {
  return { ...listOf(items), minItems: 1, ...(maxItems !== undefined && { maxItems }) }
}

/** Whether the answer is a stream, and what is added to it. An upstream judges the options. */
const streaming = { 'stream?': orNull(flag), 'stream_options?': {} }

/**
 * The schemas of the requests and responses, with the fields that the gateway itself reads or writes. Other fields are
 * passed through.
 */
export const schemas = {
  ChatCompletionRequest: objectOf({
    model: nonEmpty,
    messages: listAtLeastOne(objectOf({ role: nonEmpty })),
    ...streaming,
    ...wishes,
  }),
  ChatCompletion: objectOf({
    ...beginning('chat.completion'),
    choices: listOf(objectOf({ index: integer, message: anyObject, finish_reason: text })),
    'usage?': tokens,
  }),
  ChatCompletionChunk: objectOf({
    ...beginning('chat.completion.chunk'),
    choices: listOf(objectOf({ index: integer, delta: anyObject })),
    'usage?': orNull(tokens),
  }),
  CompletionRequest: objectOf({
    model: meaningful,
    // only upstreams with completions of their own take numbers
    prompt: anyOf(nonEmpty, listAtLeastOne(nonEmpty, 128), tokenNumbers, listAtLeastOne(tokenNumbers, 128)),
    ...streaming,
    ...wishes,
  }),
  Completion: objectOf({
    ...beginning('text_completion'),
    choices: listOf(objectOf({ index: integer, text })),
    'usage?': tokens,
  }),
  ResumedEvent: anyObject,
  EmbeddingsRequest: objectOf({
    model: nonEmpty,
    input: anyOf(nonEmpty, tokenNumbers, listAtLeastOne(anyOf(nonEmpty, tokenNumbers), 2_048)),
    'encoding_format?': orNull(oneOf('float', 'base64')),
    'dimensions?': orNull({ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    ...wishes,
  }),
  RelayedRequest: objectOf({ model: meaningful, ...wishes }),
  ModerationRequest: objectOf({ 'model?': orNull(meaningful), ...wishes }),
  AudioForm: objectOf({ model: meaningful, file: { type: 'string', format: 'binary' } }),
  Embeddings: objectOf({
    object: oneOf('list'),
    data: listOf(objectOf({ object: oneOf('embedding'), index: integer, embedding: { type: ['array', 'string'] } })),
    model: text,
    usage: tokens,
  }),
  Model: objectOf({
    id: text,
    object: oneOf('model'),
    created: integer,
    owned_by: text,
    type: text,
    display_name: text,
    created_at: text,
    'context_length?': integer,
    'max_completion_tokens?': integer,
    'architecture?': objectOf({ input_modalities: listOf(text), output_modalities: listOf(text) }),
    'capabilities?': listOf(text),
    'parameters?': { type: 'object', additionalProperties: oneOf('honoured', 'mapped', 'emulated', 'dropped') },
    'members?': listOf(text),
  }),
  ModelList: objectOf({
    object: oneOf('list'),
    data: listOf(named('Model')),
    has_more: flag,
    first_id: orNull(text),
    last_id: orNull(text),
  }),
}
