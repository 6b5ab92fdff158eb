import { anyObject, flag, integer, listOf, objectOf, oneOf, orNull, text } from '../json-schema.ts'

const message = { model: text, messages: { ...listOf(objectOf({ role: text })), minItems: 1 } }

/** The schemas of the requests and responses, with the members that the gateway itself reads or writes. */
export const schemas = {
  MessagesRequest: objectOf({ ...message, 'max_tokens?': integer, 'stream?': orNull(flag) }),
  CountTokensRequest: objectOf(message),
  Message: objectOf({
    id: text,
    type: oneOf('message'),
    role: oneOf('assistant'),
    model: text,
    content: listOf(objectOf({ type: text })),
    stop_reason: orNull(text),
    stop_sequence: orNull(text),
    usage: objectOf({ input_tokens: integer, output_tokens: integer }),
  }),
  MessageEvent: objectOf({ type: text, 'index?': integer, 'delta?': anyObject }),
  TokenCount: objectOf({ input_tokens: integer }),
  MessagesError: objectOf({
    type: oneOf('error'),
    error: objectOf({ type: text, message: text }),
    request_id: text,
  }),
}
