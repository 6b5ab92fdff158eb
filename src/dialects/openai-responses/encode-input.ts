import type { Fields, Message, Part, ToolCallPart } from '../../chat/message.ts'
import { annotationsIn } from './annotation.ts'
import { callIdFor } from './call-id.ts'
import { dialect } from './dialect.ts'
import { encodeInputPart, encodeOutput, unsupportedPart } from './encode-parts.ts'
import { encodeReasoning } from './own-reasoning.ts'
import { type ToolNames, textOfCall } from './tool-names.ts'

/**
 * Writes messages as items, which keep the order of all parts.
 * @param names how the tools of the request are called at the client, if it has this dialect
 * @throws ChatError `unsupported` for a part that this dialect has no place for
 */
export function encodeInput(messages: readonly Message[], names?: ToolNames): readonly Fields[] {
  return messages.flatMap((message) => {
    if (message.role === 'tool') return [encodeOutput(message)]
    if (message.role === 'assistant') return encodeAnswer(message.content, names)
    const content = message.content.map(encodeInputPart)
    return content.length > 0 ? [{ type: 'message', role: message.role, content }] : []
  })
}

/** Writes an answer of the model. Neighbouring texts are one message. */
function encodeAnswer(parts: readonly Part[], names: ToolNames | undefined): readonly Fields[] {
  const items: Fields[] = []
  let content: Fields[] | undefined
  for (const part of parts) {
    const words = encodeWords(part)
    if (words) {
      if (content) content.push(words)
      else {
        content = [words]
        items.push({ type: 'message', role: 'assistant', content, ...part.extra?.[dialect] })
      }
      continue
    }
    const item = encodeItem(part, names)
    if (item) {
      items.push(item)
      content = undefined
    }
  }
  return withoutLastReasoning(items)
}

/** OpenAI refuses reasoning that nothing follows, as in an answer that was cut. */
function withoutLastReasoning(items: readonly Fields[]): readonly Fields[] {
  return items.slice(0, items.findLastIndex(({ type }) => type !== 'reasoning') + 1)
}

function encodeWords(part: Part): Fields | undefined {
  if (part.type === 'text' && part.text !== '')
    return { type: 'output_text', text: part.text, annotations: annotationsIn(part.annotations) }
  return part.type === 'refusal' && part.text !== '' ? { type: 'refusal', refusal: part.text } : undefined
}

function encodeItem(part: Part, names: ToolNames | undefined): Fields | undefined {
  switch (part.type) {
    case 'reasoning':
      return encodeReasoning(part)
    case 'tool-call':
      return encodeCall(part, names)
    case 'server-tool-call':
      return encodeServerItem(part.extra?.[dialect])
    case 'image':
    case 'audio':
    case 'file':
      throw unsupportedPart(`${part.type} parts in an answer of the model`)
    default:
      // empty words, and what another service ran itself
      return undefined
  }
}

/** An item that a service of this dialect made itself goes back as it came. */
function encodeServerItem(own: Fields | undefined): Fields | undefined {
  const item: unknown = own?.item
  return typeof item === 'object' && item !== null ? { ...item } : undefined
}

function encodeCall({ id, name, arguments: json, extra }: ToolCallPart, names: ToolNames | undefined): Fields {
  const { kind, name: own, namespace } = names?.of(name) ?? { kind: 'function', name }
  const common = { call_id: callIdFor(id), name: own, ...(namespace !== undefined && { namespace }) }
  if (kind === 'custom') return { type: 'custom_tool_call', ...common, input: textOfCall(json), ...extra?.[dialect] }
  return { type: 'function_call', ...common, arguments: json === '' ? '{}' : json, ...extra?.[dialect] }
}
