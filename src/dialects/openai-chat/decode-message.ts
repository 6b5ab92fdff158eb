import type { Fields, Message, Part, ToolCallPart } from '../../chat/message.ts'
import { isFields, nestedRest, rest } from '../fields.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'
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
        ...ownExtra(extraOfResult(message, content, sent)),
      }
    case 'function':
      // the extra overwrites the members of a tool message, so that the message leaves unchanged
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
        content: [...reasoningOf(message), ...content, ...refusalOf(message), ...calls.map(decodeToolCall)],
        ...name,
        ...ownExtra(rest(message, assistantMembers(message))),
      }
  }
}

/** OpenAI takes only text as a tool result. Other content leaves unchanged, for an upstream that accepts more. */
function extraOfResult(
  message: WireMessage,
  content: readonly Part[],
  sent: ReadMessage['content'],
): Fields | undefined {
  const extra = rest(message, ['role', 'content', 'name', 'tool_call_id'])
  return content.every(({ type }) => type === 'text') ? extra : { ...extra, content: sent }
}

type WireAssistantMessage = Extract<WireMessage, { role: 'assistant' }>

/** Returns the reasoning, which comes before the content. `field` is the field that it leaves in. */
function reasoningOf({ reasoning_content, reasoning }: WireAssistantMessage): Part[] {
  // empty reasoning is kept, because DeepSeek refuses a history without it
  if (typeof reasoning_content === 'string') return [{ type: 'reasoning', text: reasoning_content }]
  if (typeof reasoning === 'string')
    return [{ type: 'reasoning', text: reasoning, ...ownExtra({ field: 'reasoning' }) }]
  return []
}

function refusalOf({ refusal }: WireAssistantMessage): Part[] {
  return typeof refusal === 'string' ? [{ type: 'refusal', text: refusal }] : []
}

/** Returns the names of the members that were read. If both fields for reasoning are there, `reasoning` stays an unknown field. */
function assistantMembers({ reasoning_content, reasoning }: WireAssistantMessage): string[] {
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
    return { type: 'text', text: part.text, ...ownExtra(rest(part, ['type', 'text'])) }
  if (part.type === 'refusal' && typeof part.refusal === 'string')
    return { type: 'refusal', text: part.refusal, ...ownExtra({ isPart: true, ...rest(part, ['type', 'refusal']) }) }
  const inner = Object.hasOwn(part, part.type) ? part[part.type] : undefined
  const known = isFields(inner) ? decodeNestedPart(part, inner) : undefined
  return known ?? { type: 'foreign', name: part.type, extra: { [dialect]: rest(part, ['type']) ?? {} } }
}

function decodeNestedPart(part: WirePart, inner: Fields): Part | undefined {
  switch (part.type) {
    case 'image_url':
      return {
        type: 'image',
        url: String(inner.url),
        ...(typeof inner.detail === 'string' && { detail: inner.detail }),
        ...ownExtra(nestedRest(part, 'image_url', ['type'], ['url', 'detail'])),
      }
    case 'input_audio':
      return {
        type: 'audio',
        base64: String(inner.data),
        format: String(inner.format),
        ...ownExtra(nestedRest(part, 'input_audio', ['type'], ['data', 'format'])),
      }
    case 'file':
      return {
        type: 'file',
        ...(typeof inner.file_data === 'string' && { content: inner.file_data }),
        ...(typeof inner.file_id === 'string' && { fileId: inner.file_id }),
        ...(typeof inner.filename === 'string' && { name: inner.filename }),
        ...ownExtra(nestedRest(part, 'file', ['type'], ['file_data', 'file_id', 'filename'])),
      }
    default:
      return undefined
  }
}

function decodeToolCall(call: WireToolCall): ToolCallPart {
  if (call.function) {
    const extra = nestedRest(call, 'function', ['id', 'type'], ['name', 'arguments'])
    const { name, arguments: json } = call.function
    return { type: 'tool-call', id: call.id, name, arguments: json, ...ownExtra(extra) }
  }
  // a custom call: its extra removes `function` again when it is encoded
  const extra = { ...rest(call, ['id']), function: undefined }
  const { name = '', input = '' } = call.custom ?? {}
  return { type: 'tool-call', id: call.id, name, arguments: input, ...ownExtra(extra) }
}
