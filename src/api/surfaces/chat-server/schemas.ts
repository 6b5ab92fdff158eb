import {
  anyObject,
  flag,
  integer,
  listOf,
  meaningful,
  named,
  nonEmpty,
  objectOf,
  oneOf,
  orNull,
  text,
  wholeFrom,
} from '../json-schema.ts'

const atLeastOne = wholeFrom(1, Number.MAX_SAFE_INTEGER)
/** A client's own name for a session or a request. */
export const name = { type: 'string', minLength: 1, maxLength: 200 }

const modelConfig = objectOf({
  'model_name?': orNull(nonEmpty),
  'temperature?': orNull({ type: 'number', minimum: 0, maximum: 2 }),
  'max_tokens?': orNull(atLeastOne),
  'max_completion_tokens?': orNull(atLeastOne),
  'base_url?': orNull(text),
  'api_key?': orNull(text),
  'use_tools?': orNull(flag),
})

const commonFields = {
  session_id: name,
  'request_id?': orNull(name),
  'model_config?': orNull(modelConfig),
  'ai_model_config?': orNull(modelConfig),
  'tools?': orNull({ ...listOf(name), maxItems: 1_000 }),
}

/** The schemas of the requests and responses. */
export const schemas = {
  NextMessage: objectOf({ ...commonFields, content: meaningful }),
  Conversation: objectOf({
    ...commonFields,
    messages: { ...listOf(objectOf({ role: oneOf('user', 'assistant', 'system'), content: text })), minItems: 1 },
  }),
  ChatEvent: objectOf({ type: text, 'data?': anyObject }),
  /** The query may name the session instead. */
  AbortRequest: objectOf({ 'session_id?': name }),
  Aborted: objectOf({ message: text, aborted: flag }),
  ToolList: objectOf({
    tools: listOf(
      objectOf({
        name: text,
        server: text,
        'description?': text,
        input_schema: anyObject,
        supports_streaming: flag,
      }),
    ),
  }),
  ServerList: objectOf({
    servers: listOf(
      objectOf({ name: text, transport: text, status: text, tools: integer, 'error?': text, 'stderr?': text }),
    ),
  }),
  SessionList: objectOf({
    sessions: listOf(objectOf({ id: text, created_at: text, updated_at: text, messages: integer })),
  }),
  StoredMessage: objectOf({
    id: text,
    session_id: text,
    role: text,
    content: text,
    status: text,
    created_at: text,
    metadata: anyObject,
  }),
  StoredMessageList: objectOf({ messages: listOf(named('StoredMessage')) }),
  ToolResult: objectOf({ message_id: text, result: text }),
  SessionDeleted: objectOf({ message: text, deleted: flag }),
}
