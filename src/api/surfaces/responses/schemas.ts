import { anyObject, flag, integer, listOf, objectOf, oneOf, orNull, text } from '../json-schema.ts'

const input = { 'input?': { anyOf: [text, listOf(anyObject)] }, 'previous_response_id?': orNull(text) }

/** The schemas of the requests and responses, with the members that the gateway itself reads or writes. */
export const schemas = {
  ResponseRequest: objectOf({
    model: text,
    ...input,
    'instructions?': orNull(text),
    'stream?': orNull(flag),
    'store?': orNull(flag),
    'background?': orNull(flag),
  }),
  ConversationRequest: objectOf({ model: text, ...input }),
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
