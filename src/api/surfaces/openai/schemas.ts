import { anyObject, flag, integer, listOf, named, objectOf, oneOf, orNull, text } from '../json-schema.ts'

const tokens = objectOf({ 'prompt_tokens?': integer, 'completion_tokens?': integer, 'total_tokens?': integer })
const beginning = (object: string) => ({ id: text, object: oneOf(object), created: integer, model: text })

/**
 * The schemas of the requests and responses, with the fields that the gateway itself reads or writes. Other fields are
 * passed through.
 */
export const schemas = {
  ChatCompletionRequest: objectOf({
    model: text,
    messages: { ...listOf(objectOf({ role: text })), minItems: 1 },
    'stream?': orNull(flag),
    'stream_options?': orNull(objectOf({ 'include_usage?': flag })),
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
    model: text,
    prompt: { type: ['string', 'array'] },
    'stream?': orNull(flag),
    'stream_options?': orNull(objectOf({ 'include_usage?': flag })),
  }),
  Completion: objectOf({
    ...beginning('text_completion'),
    choices: listOf(objectOf({ index: integer, text })),
    'usage?': tokens,
  }),
  ResumedEvent: anyObject,
  EmbeddingsRequest: objectOf({
    model: text,
    input: { type: ['string', 'array'] },
    'encoding_format?': oneOf('float', 'base64'),
    'dimensions?': integer,
  }),
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
