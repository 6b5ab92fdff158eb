import type { Fields, Part, ToolCallPart } from '../../../chat/message.ts'
import { callsIn, contentOf, type StoredMessage } from '../../../conversations/stored-message.ts'

/** Encodes a stored message with the names of the contract. */
export function encodeMessage(session: string, message: StoredMessage): Fields {
  const { id, role, status, createdAt, metadata = {} } = message
  return {
    id,
    session_id: session,
    role,
    content: contentOf(message),
    status,
    created_at: createdAt,
    metadata,
    ...(message.role === 'assistant' && {
      model: message.model,
      ...reasoningOf(message.parts),
      tool_calls: callsIn(message).map(encodeCall),
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

function reasoningOf(parts: readonly Part[]): { reasoning?: string } {
  const reasoning = parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join('')
  return reasoning === '' ? {} : { reasoning }
}

/** Encodes a tool call in OpenAI's form. */
export function encodeCall({ id, name, arguments: json }: ToolCallPart): Fields {
  return { id, type: 'function', function: { name, arguments: json } }
}
