import type { Fields, Message, Part, ToolCall } from '../../chat/message.ts'
import { isFields, nestedRest, ownExtra, rest, withExtra } from './fields.ts'
import type { ReadMessage } from './read-message.ts'
import type { WireMessage, WirePart, WireToolCall } from './schema.ts'

export function decodeMessage({ shell: message, content: sent, calls }: ReadMessage): Message {
  const name = typeof message.name === 'string' ? { name: message.name } : {}
  const content = decodeContent(sent)
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user':
      return { role: message.role, content, ...name, ...ownExtra(rest(message, ['role', 'content', 'name'])) }
    case 'tool':
      return {
        role: 'tool',
        content,
        toolCallId: message.tool_call_id,
        ...name,
        ...ownExtra(rest(message, ['role', 'content', 'name', 'tool_call_id'])),
      }
    case 'function':
      // the extra writes over what a tool message would say, so that it leaves as it came
      return {
        role: 'tool',
        content,
        toolCallId: message.name,
        ...name,
        ...ownExtra({
          ...rest(message, ['role', 'content', 'name']),
          role: 'function',
          tool_call_id: undefined,
          ...(sent === null && { content: null }),
        }),
      }
    case 'assistant':
      return {
        role: 'assistant',
        content: [...content, ...assistantParts(message)],
        toolCalls: calls.map(decodeToolCall),
        ...name,
        ...ownExtra(rest(message, assistantMembers(message))),
      }
  }
}

type AssistantMessage = Extract<WireMessage, { role: 'assistant' }>

/** What an assistant message holds beside its content. `field` is the name it leaves under. */
function assistantParts({ refusal, reasoning_content, reasoning }: AssistantMessage): Part[] {
  const parts: Part[] = []
  if (typeof refusal === 'string') parts.push({ type: 'refusal', text: refusal, extra: { field: true } })
  // empty ones too: DeepSeek refuses a history in which a thinking turn has none
  if (typeof reasoning_content === 'string') parts.push({ type: 'reasoning', text: reasoning_content })
  else if (typeof reasoning === 'string')
    parts.push({ type: 'reasoning', text: reasoning, extra: { field: 'reasoning' } })
  return parts
}

/** The members that have found their place. Of two names for the reasoning the second stays an unknown field. */
function assistantMembers({ reasoning_content, reasoning }: AssistantMessage): string[] {
  const isRead = typeof reasoning_content !== 'string' && typeof reasoning === 'string'
  const known = ['role', 'content', 'name', 'refusal', 'reasoning_content', 'tool_calls']
  return isRead ? [...known, 'reasoning'] : known
}

function decodeContent(content: string | readonly WirePart[] | null | undefined): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return (content ?? []).map(decodePart)
}

function decodePart(part: WirePart): Part {
  if (part.type === 'text' && typeof part.text === 'string')
    return { type: 'text', text: part.text, ...withExtra(rest(part, ['type', 'text'])) }
  if (part.type === 'refusal' && typeof part.refusal === 'string')
    return { type: 'refusal', text: part.refusal, ...withExtra(rest(part, ['type', 'refusal'])) }
  const inner = Object.hasOwn(part, part.type) ? part[part.type] : undefined
  const known = isFields(inner) ? decodeNestedPart(part, inner) : undefined
  return known ?? { type: 'foreign', name: part.type, extra: rest(part, ['type']) ?? {} }
}

function decodeNestedPart(part: WirePart, inner: Fields): Part | undefined {
  switch (part.type) {
    case 'image_url':
      return {
        type: 'image',
        url: String(inner.url),
        ...(typeof inner.detail === 'string' && { detail: inner.detail }),
        ...withExtra(nestedRest(part, 'image_url', ['type'], ['url', 'detail'])),
      }
    case 'input_audio':
      return {
        type: 'audio',
        base64: String(inner.data),
        format: String(inner.format),
        ...withExtra(nestedRest(part, 'input_audio', ['type'], ['data', 'format'])),
      }
    case 'file':
      return {
        type: 'file',
        ...(typeof inner.file_data === 'string' && { content: inner.file_data }),
        ...(typeof inner.file_id === 'string' && { fileId: inner.file_id }),
        ...(typeof inner.filename === 'string' && { name: inner.filename }),
        ...withExtra(nestedRest(part, 'file', ['type'], ['file_data', 'file_id', 'filename'])),
      }
    default:
      return undefined
  }
}

function decodeToolCall(call: WireToolCall): ToolCall {
  if (call.function) {
    const extra = nestedRest(call, 'function', ['id', 'type'], ['name', 'arguments'])
    return { id: call.id, name: call.function.name, arguments: call.function.arguments, ...ownExtra(extra) }
  }
  // a custom call: its extra writes over the function it is not
  const extra = { ...rest(call, ['id']), function: undefined }
  return { id: call.id, name: call.custom?.name ?? '', arguments: call.custom?.input ?? '', ...ownExtra(extra) }
}
