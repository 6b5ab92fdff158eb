import type { Fields } from '../../chat/message.ts'
import { isFields } from './fields.ts'

/** The message in documented words, as far as what it says is clear: clients leave members out, or send some of another type. */
export function easedMessage(sent: Fields): Fields {
  const role = typeof sent.role === 'string' ? sent.role.toLowerCase() : sent.role
  const isAnswer = role === 'assistant' || role === 'function'
  return {
    ...sent,
    role,
    content: easedContent(sent.content, isAnswer ? null : ''),
    name: easedText(sent.name),
    ...(role === 'assistant' && {
      tool_calls: easedCalls(sent.tool_calls),
      refusal: textOrNothing(sent.refusal),
      reasoning_content: textOrNothing(sent.reasoning_content),
    }),
    ...(role === 'tool' && { tool_call_id: easedText(sent.tool_call_id) }),
  }
}

function easedContent(content: unknown, nothing: string | null): unknown {
  if (content === null || content === undefined) return nothing
  if (Array.isArray(content)) return content.map(easedPart)
  return isFields(content) ? [easedPart(content)] : easedText(content)
}

function easedPart(part: unknown): unknown {
  if (typeof part === 'string') return { type: 'text', text: part }
  if (!isFields(part)) return part
  const { type = typeof part.text === 'string' ? 'text' : undefined, text, image_url: image } = part
  if (type === 'text') return { ...part, type, text: text === null ? '' : easedText(text) }
  if (type === 'image_url') return { ...part, image_url: easedImage(image) }
  return { ...part, type }
}

function easedImage(image: unknown): unknown {
  if (typeof image === 'string') return { url: image }
  return isFields(image) ? { ...image, detail: textOrNothing(image.detail) } : image
}

function easedCalls(calls: unknown): unknown {
  if (isFields(calls)) return Object.keys(calls).length > 0 ? [easedCall(calls)] : []
  return Array.isArray(calls) ? calls.map(easedCall) : calls
}

function easedCall(call: unknown): unknown {
  if (!isFields(call)) return call
  const { function: called } = call
  return { ...call, id: easedText(call.id), ...(isFields(called) && { function: easedFunction(called) }) }
}

/** Ollama's own clients keep the arguments as an object. */
function easedFunction(called: Fields): Fields {
  const { arguments: args } = called
  if (args === null || args === undefined) return { ...called, arguments: '' }
  return { ...called, arguments: typeof args === 'string' ? args : JSON.stringify(args) }
}

function easedText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
