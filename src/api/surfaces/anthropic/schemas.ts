import {
  anyObject,
  anyOf,
  flag,
  integer,
  listOf,
  named,
  nonEmpty,
  objectOf,
  oneOf,
  orNull,
  text,
  wishes,
} from '../json-schema.ts'

/** The types of blocks that are described by themselves. */
const blockTypes = ['text', 'tool_use', 'thinking', 'redacted_thinking', 'document', 'search_result']

const blocks = listOf(named('MessagesBlock'))
const content = anyOf(text, blocks)

const source = anyOf(
  objectOf({ type: oneOf('text'), data: text }),
  objectOf({ type: oneOf('content'), content }),
  // any other one is for an upstream of this dialect
  { not: objectOf({ type: oneOf('text', 'content') }) },
)

/** A block of a type that is read. Of the others, each has a type. */
const block = anyOf(
  objectOf({ type: oneOf('text'), text }),
  objectOf({ type: oneOf('tool_use'), id: text, name: text }),
  objectOf({ type: oneOf('thinking'), thinking: text }),
  objectOf({ type: oneOf('redacted_thinking'), data: text }),
  objectOf({ type: oneOf('document'), 'source?': source }),
  objectOf({ type: oneOf('search_result'), content }),
  objectOf({ type: { ...text, not: { enum: blockTypes } } }),
)

/** Only a user gives results of tools. */
const result = objectOf({ type: oneOf('tool_result'), tool_use_id: text, 'content?': content })
const said = anyOf(result, { allOf: [named('MessagesBlock'), { not: objectOf({ type: oneOf('tool_result') }) }] })

/** What a user says must not be empty. */
const emptyBlock = objectOf({ type: oneOf('text', 'document'), 'text?': { maxLength: 0 } })
const turn = anyOf(
  objectOf({ role: oneOf('user'), content: anyOf(nonEmpty, { ...listOf(said), contains: { not: emptyBlock } }) }),
  objectOf({ role: oneOf('assistant', 'system'), content }),
)
const message = {
  model: nonEmpty,
  messages: { ...listOf(turn), minItems: 1 },
  'system?': content,
  ...wishes,
}

/** The schemas of the requests and responses, with the members that the gateway itself reads or writes. */
export const schemas = {
  MessagesBlock: block,
  MessagesRequest: objectOf({
    ...message,
    'max_tokens?': orNull({ type: 'integer', minimum: 0 }),
    'stream?': orNull(flag),
  }),
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
