import type { Message, Part } from '../chat/message.ts'
import { excerpt, redact } from '../chat/secret.ts'
import { headOf } from '../chat/shorten.ts'
import type { FoldedChoice } from '../flow/fold.ts'
import { finishWord } from './attempt-attributes.ts'

/** Limit for the characters of the texts of one attribute. */
export const maxTexts = 32 * 1024
/** What a part takes of the room beside its text. */
const perPart = 64
const maxName = 200

/** A part of a message in the form of the conventions: `gen-ai-input-messages.json` of the semantic conventions 1.45. */
type TracedPart = Readonly<Record<string, string>>

/** Writes the messages of a request as the attribute `gen_ai.input.messages`, as far as there is room. */
export function inputMessages(messages: readonly Message[]): string {
  const room = new TextRoom()
  const written: object[] = []
  for (const message of messages) {
    if (room.isFull) break
    const { role } = message
    written.push({ role, parts: role === 'tool' ? [resultOf(message, room)] : partsOf(message.content, room) })
  }
  return JSON.stringify(written)
}

/** Writes the choices of an answer as the attribute `gen_ai.output.messages`. */
export function outputMessages(choices: readonly FoldedChoice[]): string {
  const room = new TextRoom()
  const written = choices.map(({ parts, finish }) => ({
    role: 'assistant',
    parts: partsOf(parts, room),
    finish_reason: finish === undefined ? 'error' : finishWord(finish),
  }))
  return JSON.stringify(written)
}

/** Writes a text as an attribute: without secrets, and not longer than there is room for. */
export function boundedText(text: string): string {
  return new TextRoom().take(text)
}

function resultOf({ toolCallId, content }: Message & { readonly role: 'tool' }, room: TextRoom): TracedPart {
  const response = content.map((part) => ('text' in part ? room.take(part.text) : `[${part.type}]`)).join('')
  return { type: 'tool_call_response', id: excerpt(toolCallId, maxName), response }
}

function partsOf(parts: readonly Part[], room: TextRoom): readonly TracedPart[] {
  const written: TracedPart[] = []
  for (const part of parts) {
    if (room.isFull) break
    written.push(tracedPart(part, room))
  }
  return written
}

function tracedPart(part: Part, room: TextRoom): TracedPart {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', content: room.take(part.text) }
    case 'reasoning':
      return { type: 'reasoning', content: room.take(part.text) }
    case 'tool-call':
    case 'server-tool-call': {
      const [id, name] = [excerpt(part.id, maxName), excerpt(part.name, maxName)]
      return { type: 'tool_call', id, name, arguments: room.take(part.arguments) }
    }
    default:
      // what an image or a file contains is too long for a trace
      room.take('')
      return { type: part.type }
  }
}

/** The room that the texts of one attribute have together. */
class TextRoom {
  #left = maxTexts

  get isFull(): boolean {
    return this.#left <= 0
  }

  take(text: string): string {
    const room = Math.max(0, this.#left)
    this.#left -= text.length + perPart
    // a mask may be longer than what it hides
    return headOf(redact(excerpt(text, room)), room)
  }
}
