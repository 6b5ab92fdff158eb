import { GatheredText } from '../../chat/gathered-text.ts'
import type { Message, Part } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'
import type { Batch } from '../../flow/flow.ts'
import type { LoopEvent } from '../tool-loop/events.ts'

/** The texts of a request and its answer, for the operator and the key's holder. Known secrets are cut out. */
export interface RecordedTexts {
  readonly request: string
  readonly answer: string
  /** Whether a part of them is not kept. */
  readonly isCut: boolean
}

/** Limit for the characters of each of the two texts. */
export const maxRecorded = 32 * 1024
/** Characters beyond the limit that are gathered too, so that no secret is cut in two before it is found. */
const margin = 16 * 1024

/** Gathers the texts of one chat. It holds no more than is kept, and a margin. */
export class TextRecorder {
  readonly #request = new BoundedText()
  readonly #answer = new BoundedText()
  /** What the last event of the answer belongs to. */
  #part = ''

  constructor(messages: readonly Message[]) {
    for (const message of messages) {
      if (this.#request.isFull) break
      this.#request.add(`[${message.role}]\n`)
      for (const part of message.content) this.#request.add(textOfPart(part))
      this.#request.add('\n\n')
    }
  }

  addBatch(batch: Batch<{ readonly type: string }> | Batch<LoopEvent>): void {
    for (const event of batch) if (isOfAnswer(event) && !this.#answer.isFull) this.#addEvent(event)
  }

  texts(): RecordedTexts {
    const [request, answer] = [this.#request.end(), this.#answer.end()]
    return { request: request.text, answer: answer.text, isCut: request.isCut || answer.isCut }
  }

  #addEvent(event: AnswerEvent): void {
    if (event.type === 'tool-arguments') {
      this.#answer.add(event.json)
      return
    }
    if (event.type === 'tool-result') {
      this.#begin(`${event.name} gives`, event.toolCallId)
      this.#answer.add(event.content)
      return
    }
    this.#begin(event.type === 'tool-call' ? `calls ${event.name}` : event.type, `${event.choice}.${event.part}`)
    if (event.type !== 'tool-call') this.#answer.add(event.text)
  }

  /** Writes what follows, unless it is plain text or what came before goes on. */
  #begin(what: string, id: string): void {
    const part = `${what} ${id}`
    if (part === this.#part) return
    if (this.#part !== '') this.#answer.add('\n\n')
    if (what !== 'text') this.#answer.add(`[${what}]\n`)
    this.#part = part
  }
}

type AnswerEvent = Extract<
  LoopEvent,
  { readonly type: 'text' | 'refusal' | 'reasoning' | 'tool-call' | 'tool-arguments' | 'tool-result' }
>

const answerTypes: ReadonlySet<string> = new Set<AnswerEvent['type']>([
  'text',
  'refusal',
  'reasoning',
  'tool-call',
  'tool-arguments',
  'tool-result',
])

function isOfAnswer(event: { readonly type: string } | LoopEvent): event is AnswerEvent {
  return answerTypes.has(event.type)
}

function textOfPart(part: Part): string {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text
    case 'tool-call':
    case 'server-tool-call':
      return `\n[calls ${part.name}]\n${part.arguments}`
    default:
      return `[${part.type}]`
  }
}

/** The beginning of a text. */
class BoundedText {
  readonly #gathered = new GatheredText()
  #isCut = false

  get isFull(): boolean {
    return this.#isCut
  }

  add(piece: string): void {
    if (this.#isCut) return
    const room = maxRecorded + margin - this.#gathered.length
    this.#isCut = piece.length > room
    this.#gathered.add(this.#isCut ? piece.slice(0, room) : piece)
  }

  end(): { readonly text: string; readonly isCut: boolean } {
    const redacted = redact(this.#gathered.take())
    // a secret may have been cut in two at the end, and a mask may be shorter than what it hides
    const known = this.#isCut ? redacted.length - margin : redacted.length
    const length = Math.min(maxRecorded, Math.max(0, known))
    return { text: redacted.slice(0, length), isCut: this.#isCut || redacted.length > length }
  }
}
