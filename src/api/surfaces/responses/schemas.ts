import {
  anyObject,
  anyOf,
  flag,
  integer,
  listOf,
  nonEmpty,
  objectOf,
  oneOf,
  orNull,
  text,
  wishes,
} from '../json-schema.ts'

const textParts = ['input_text', 'output_text', 'text', 'summary_text', 'reasoning_text']
const audio = anyOf(objectOf({ data: text, format: text }), { not: { type: 'object' } })
/** A part of a text, of a type that is read. Of the others, each has a type. */
const part = anyOf(
  objectOf({ type: oneOf(...textParts), text }),
  objectOf({ type: oneOf('refusal'), refusal: text }),
  objectOf({ type: oneOf('input_audio'), 'input_audio?': audio }),
  objectOf({ type: { ...text, not: { enum: [...textParts, 'refusal', 'input_audio'] } } }),
)
const content = anyOf(text, listOf(part), { type: 'null' })

/** The types of items that are described by themselves. */
const itemTypes = ['message', 'function_call', 'custom_tool_call', 'reasoning', 'item_reference', 'compaction']
/** An item of a conversation. Of those that are not described here, each has a type. */
const item = anyOf(
  objectOf({ 'type?': oneOf('message'), role: oneOf('user', 'assistant', 'system', 'developer'), 'content?': content }),
  objectOf({ type: oneOf('function_call'), call_id: text, name: text, arguments: text }),
  objectOf({ type: oneOf('custom_tool_call'), call_id: text, name: text, input: text }),
  objectOf({ type: oneOf('reasoning'), 'summary?': content, 'content?': content }),
  objectOf({ type: oneOf('item_reference'), id: text }),
  objectOf({ type: oneOf('compaction'), encrypted_content: text }),
  objectOf({ type: { ...text, not: { enum: itemTypes } } }),
)
const given = {
  model: nonEmpty,
  // an earlier response can have the input too
  'input?': anyOf(text, listOf(item), { type: 'null' }),
  'previous_response_id?': orNull(text),
  'instructions?': orNull(text),
  ...wishes,
}

/** The schemas of the requests and responses, with the members that the gateway itself reads or writes. */
export const schemas = {
  ResponseRequest: {
    ...objectOf({ ...given, 'stream?': orNull(flag), 'store?': orNull(flag), 'background?': orNull(flag) }),
    // the answer would be lost
    not: objectOf({ store: { const: false }, background: { const: true } }),
  },
  ConversationRequest: objectOf(given),
  Response: objectOf({
    id: text,
    object: oneOf('response'),
    created_at: integer,
    status: text,
    model: text,
    output: listOf(objectOf({ id: text, type: text })),
    usage: orNull(anyObject),
  }),
  ResponseEvent: objectOf({ type: text, sequence_number: integer }),
  DeletedResponse: objectOf({ id: text, object: oneOf('response'), deleted: flag }),
  InputItems: objectOf({ object: oneOf('list'), data: listOf(anyObject), has_more: flag }),
  Compaction: objectOf({
    id: text,
    object: oneOf('response.compaction'),
    created_at: integer,
    output: listOf(objectOf({ id: text, type: oneOf('compaction'), encrypted_content: text })),
    usage: orNull(anyObject),
  }),
  InputTokens: objectOf({ object: oneOf('response.input_tokens'), input_tokens: integer }),
}
