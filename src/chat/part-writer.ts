import {
  type ChatEvent,
  type FileEvent,
  type FinishEvent,
  type FinishReason,
  isOfPart,
  type ServerToolCallEvent,
  type ServerToolResultEvent,
} from './event.ts'
import type { Annotation, Extras } from './message.ts'
import { redact } from './secret.ts'

type WordsType = 'text' | 'refusal' | 'reasoning'

/** Extra information about a piece of text. */
export interface Beside {
  /** Only a text has them. */
  readonly annotations?: readonly Annotation[]
  readonly logprobs?: unknown
  readonly extra?: Extras
}

/** What an event at the end of a part, or of a choice, may add. */
type PartEnding = Pick<Beside, 'annotations' | 'extra'>
type ChoiceEnding = Pick<FinishEvent, 'raw' | 'stopSequence' | 'extra'>

/** A part that is written at once, without its place in the answer. */
type WholePart =
  | Omit<FileEvent, 'choice' | 'part'>
  | Omit<ServerToolCallEvent, 'choice' | 'part'>
  | Omit<ServerToolResultEvent, 'choice' | 'part'>

interface NewCall {
  readonly id: string
  readonly name: string
  readonly extra?: Extras
}

/**
 * Writes the events of one choice for a protocol without numbered parts. It numbers the parts in order, opens a new one when
 * the type of text changes, and ends each once. Tool calls stay open while other parts come, until they are ended.
 */
export class PartWriter {
  readonly choice: number
  #next = 0
  /** The type of the open text part, if there is one. */
  #type: WordsType | undefined
  #openPart = 0
  readonly #calls = new Set<number>()

  constructor(choice = 0) {
    this.choice = choice
  }

  text(text: string, beside?: Beside): ChatEvent[] {
    return this.#say('text', text, beside)
  }

  refusal(text: string, beside?: Beside): ChatEvent[] {
    return this.#say('refusal', text, beside)
  }

  reasoning(text: string, beside?: Beside): ChatEvent[] {
    return this.#say('reasoning', text, beside)
  }

  /** Returns the number of the text part, if a text can be added without ending another part. */
  plainTextPart(): number | undefined {
    if (this.#type === 'text') return this.#openPart
    if (this.#type || this.#calls.size > 0) return undefined
    return this.#openWords('text')
  }

  /** Opens a tool call. Its part is `latestPart`. */
  toolCall({ id, name, extra }: NewCall): ChatEvent[] {
    const ended = this.endWords()
    const part = this.#next++
    this.#calls.add(part)
    return [...ended, { type: 'tool-call', choice: this.choice, part, id, name, ...(extra && { extra }) }]
  }

  /** The number of the part that was opened last. */
  get latestPart(): number {
    return this.#next - 1
  }

  /** Adds to the arguments of a tool call. It writes nothing for a call that has ended. */
  toolArguments(part: number, json: string, extra?: Extras): ChatEvent[] {
    if (!this.#calls.has(part)) return []
    return [{ type: 'tool-arguments', choice: this.choice, part, json, ...(extra && { extra }) }]
  }

  /** Ends a tool call. A second end writes nothing. */
  endCall(part: number, ending?: PartEnding): ChatEvent[] {
    return this.#calls.delete(part) ? [this.#ended(part, ending)] : []
  }

  /** Writes a whole part: a file, a call that the upstream runs itself, or its result. */
  whole(event: WholePart): ChatEvent[] {
    const ended = this.endWords()
    const part = this.#next++
    return [...ended, { ...event, choice: this.choice, part }, this.#ended(part)]
  }

  /** Ends the open text part, if there is one. */
  endWords(ending?: PartEnding): ChatEvent[] {
    if (!this.#type) return []
    this.#type = undefined
    return [this.#ended(this.#openPart, ending)]
  }

  /** Takes account of an event that was written elsewhere. */
  note(event: ChatEvent): void {
    if (!isOfPart(event)) return
    const { type, part } = event
    this.#next = Math.max(this.#next, part + 1)
    if (type === 'text' || type === 'refusal' || type === 'reasoning') {
      this.#type = type
      this.#openPart = part
    } else if (type === 'tool-call') this.#calls.add(part)
    else if (type === 'part-end' && !this.#calls.delete(part)) this.#type = undefined
  }

  /** Ends the choice and all of its parts. `raw` is redacted, because an upstream may repeat a secret in it. */
  finish(reason: FinishReason, ending: ChoiceEnding = {}): ChatEvent[] {
    const { raw } = ending
    const open = [...this.#calls].sort((a, b) => a - b)
    this.#calls.clear()
    return [
      ...this.endWords(),
      ...open.map((part) => this.#ended(part)),
      { type: 'finish', choice: this.choice, reason, ...ending, ...(raw !== undefined && { raw: redact(raw) }) },
    ]
  }

  #say(type: WordsType, text: string, beside: Beside | undefined): ChatEvent[] {
    const { choice } = this
    if (this.#type === type) return [{ type, choice, part: this.#openPart, text, ...beside }]
    const ended = this.endWords()
    return [...ended, { type, choice, part: this.#openWords(type), text, ...beside }]
  }

  #openWords(type: WordsType): number {
    this.#type = type
    this.#openPart = this.#next++
    return this.#openPart
  }

  #ended(part: number, ending?: PartEnding): ChatEvent {
    return { type: 'part-end', choice: this.choice, part, ...ending }
  }
}
