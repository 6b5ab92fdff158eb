import { type ChatEvent, type FinishEvent, type FinishReason, isOfPart } from './event.ts'
import type { Annotation, Extras } from './message.ts'
import { redact } from './secret.ts'

type WordsType = 'text' | 'refusal' | 'reasoning'

/** What stands beside a piece of words. */
export interface Beside {
  /** Of a text. */
  readonly annotations?: readonly Annotation[]
  readonly logprobs?: unknown
  readonly extra?: Extras
}

/** What is said of a part, or of a choice, as it ends. */
type PartEnding = Pick<Beside, 'annotations' | 'extra'>
type ChoiceEnding = Pick<FinishEvent, 'raw' | 'stopSequence' | 'extra'>

interface NewCall {
  readonly id: string
  readonly name: string
  readonly extra?: Extras
}

/**
 * Writes the events of one choice for a protocol that does not count parts: numbers them in order, opens one where the kind
 * of what is said changes, and ends each once. Calls stay open, beside other parts too, until they are ended.
 */
export class PartWriter {
  readonly choice: number
  #next = 0
  /** The part of words that is open. */
  #type: WordsType | undefined
  #words = 0
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

  /** The part of a text to which one event adds, since no other part has to end first; undefined where one has. */
  plainTextPart(): number | undefined {
    if (this.#type === 'text') return this.#words
    if (this.#type || this.#calls.size > 0) return undefined
    return this.#openWords('text')
  }

  /** A call opens; its part is `latestPart`. */
  toolCall({ id, name, extra }: NewCall): ChatEvent[] {
    const ended = this.endWords()
    const part = this.#next++
    this.#calls.add(part)
    return [...ended, { type: 'tool-call', choice: this.choice, part, id, name, ...(extra && { extra }) }]
  }

  /** The part that was opened last. */
  get latestPart(): number {
    return this.#next - 1
  }

  /** The arguments of a call grow. A call that has ended has all of them. */
  toolArguments(part: number, json: string, extra?: Extras): ChatEvent[] {
    if (!this.#calls.has(part)) return []
    return [{ type: 'tool-arguments', choice: this.choice, part, json, ...(extra && { extra }) }]
  }

  /** A call is complete, also where it has been ended before. */
  endCall(part: number, ending?: PartEnding): ChatEvent[] {
    return this.#calls.delete(part) ? [this.#ended(part, ending)] : []
  }

  /** The part of words that is open, if one is, is complete. */
  endWords(ending?: PartEnding): ChatEvent[] {
    if (!this.#type) return []
    this.#type = undefined
    return [this.#ended(this.#words, ending)]
  }

  /** Goes on after an event that somebody else wrote. */
  note(event: ChatEvent): void {
    if (!isOfPart(event)) return
    const { type, part } = event
    this.#next = Math.max(this.#next, part + 1)
    if (type === 'text' || type === 'refusal' || type === 'reasoning') {
      this.#type = type
      this.#words = part
    } else if (type === 'tool-call') this.#calls.add(part)
    else if (type === 'part-end' && !this.#calls.delete(part)) this.#type = undefined
  }

  /** The choice is complete, and so are all of its parts. An upstream may put what it was sent into its own word. */
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
    if (this.#type === type) return [{ type, choice, part: this.#words, text, ...beside }]
    const ended = this.endWords()
    return [...ended, { type, choice, part: this.#openWords(type), text, ...beside }]
  }

  #openWords(type: WordsType): number {
    this.#type = type
    this.#words = this.#next++
    return this.#words
  }

  #ended(part: number, ending?: PartEnding): ChatEvent {
    return { type: 'part-end', choice: this.choice, part, ...ending }
  }
}
