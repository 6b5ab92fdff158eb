import type { Fields, ToolCall } from '../../../chat/message.ts'
import type { StoredMessage } from '../../../conversations/stored-message.ts'

/** A message as it is shown: under the contract's names, whatever it is kept under. */
export function encodeMessage(session: string, message: StoredMessage): Fields {
  const { id, role, content, status, createdAt, metadata = {} } = message
  return {
    id,
    session_id: session,
    role,
    content,
    status,
    created_at: createdAt,
    metadata,
    ...(message.role === 'assistant' && {
      model: message.model,
      ...(message.reasoning && { reasoning: message.reasoning }),
      tool_calls: message.toolCalls.map(encodeCall),
    }),
    ...(message.role === 'tool' && {
      tool_call_id: message.toolCallId,
      tool_name: message.name,
      is_error: message.isError,
      ...(message.shortened === 'summarised' && { summarised: true }),
      ...(message.shortened === 'cut' && { truncated: true }),
      ...(message.hasFull && { has_full_result: true }),
    }),
  }
}

/** A call as OpenAI writes it. */
export function encodeCall({ id, name, arguments: json }: ToolCall): Fields {
  return { id, type: 'function', function: { name, arguments: json } }
}
