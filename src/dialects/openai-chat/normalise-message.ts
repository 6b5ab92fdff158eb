import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/** Converts a message to the documented form, as far as its meaning is clear. Clients leave out members, or send wrong types. */
export function normaliseMessage(sent: Fields): Fields {
  const role = typeof sent.role === 'string' ? sent.role.toLowerCase() : sent.role
  const isAnswer = role === 'assistant' || role === 'function'
  return {
    ...sent,
    role,
    content: normaliseContent(sent.content, isAnswer ? null : ''),
    name: normaliseText(sent.name),
    ...(role === 'assistant' && {
      tool_calls: normaliseCalls(sent.tool_calls),
      refusal: textOrNothing(sent.refusal),
      reasoning_content: textOrNothing(sent.reasoning_content),
    }),
    ...(role === 'tool' && { tool_call_id: normaliseText(sent.tool_call_id) }),
  }
}

function normaliseContent(content: unknown, nothing: string | null): unknown {
  if (content === null || content === undefined) return nothing
  if (Array.isArray(content)) return content.map(normalisePart)
  return isFields(content) ? [normalisePart(content)] : normaliseText(content)
}

function normalisePart(part: unknown): unknown {
  if (typeof part === 'string') return { type: 'text', text: part }
  if (!isFields(part)) return part
  const { type = typeof part.text === 'string' ? 'text' : undefined, text, image_url: image } = part
  if (type === 'text') return { ...part, type, text: text === null ? '' : normaliseText(text) }
  if (type === 'image_url') return { ...part, image_url: normaliseImage(image) }
  return { ...part, type }
}

function normaliseImage(image: unknown): unknown {
  if (typeof image === 'string') return { url: image }
  return isFields(image) ? { ...image, detail: textOrNothing(image.detail) } : image
}

function normaliseCalls(calls: unknown): unknown {
  if (isFields(calls)) return Object.keys(calls).length > 0 ? [normaliseCall(calls)] : []
  return Array.isArray(calls) ? calls.map(normaliseCall) : calls
}

function normaliseCall(call: unknown): unknown {
  if (!isFields(call)) return call
  const { function: called } = call
  return { ...call, id: normaliseText(call.id), ...(isFields(called) && { function: normaliseFunction(called) }) }
}

/** Ollama's own clients send the arguments as an object. */
function normaliseFunction(called: Fields): Fields {
  const { arguments: args } = called
  if (args === null || args === undefined) return { ...called, arguments: '' }
  return { ...called, arguments: typeof args === 'string' ? args : JSON.stringify(args) }
}

function normaliseText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
