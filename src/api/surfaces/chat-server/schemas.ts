import { anyObject, flag, integer, listOf, named, objectOf, oneOf, orNull, text } from '../json-schema.ts'

const modelConfig = objectOf({
  'model_name?': orNull(text),
  'temperature?': orNull({ type: 'number', minimum: 0, maximum: 2 }),
  'max_tokens?': orNull(integer),
  'max_completion_tokens?': orNull(integer),
  'base_url?': orNull(text),
  'api_key?': orNull(text),
  'use_tools?': orNull(flag),
})

const commonFields = {
  session_id: text,
  'request_id?': orNull(text),
  'model_config?': orNull(modelConfig),
  'ai_model_config?': orNull(modelConfig),
  'tools?': orNull(listOf(text)),
}

/** The schemas of the requests and responses. */
export const schemas = {
  NextMessage: objectOf({ ...commonFields, content: text }),
  Conversation: objectOf({
    ...commonFields,
    messages: listOf(objectOf({ role: oneOf('user', 'assistant', 'system'), content: text })),
  }),
  ChatEvent: objectOf({ type: text, 'data?': anyObject }),
  /** The query may name the session instead. */
  AbortRequest: objectOf({ 'session_id?': text }),
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
