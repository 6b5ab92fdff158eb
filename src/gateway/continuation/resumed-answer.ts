import { ChatError } from '../../chat/error.ts'
import { type ChatEvent, isOfPart, type Seam, type TextEvent } from '../../chat/event.ts'
import { moveAnnotations } from '../../chat/move-annotations.ts'
import { showsSomething } from '../../flow/begin.ts'
import type { Batch } from '../../flow/flow.ts'
import type { TextJoin } from './join-text.ts'
import type { SaidText } from './said-text.ts'

/** The events of a new answer, changed to those that follow a broken one. */
export interface ResumedAnswer {
  /** Whether something was shown. */
  readonly hasBegun: boolean
  /** Returns the events to show. @throws ChatError `unsupported` if the new answer does not go on where the broken one ended */
  add(batch: Batch): Batch
}

/** An answer after one that had shown nothing but reasoning. It is shown as a whole. */
export class RestartedAnswer implements ResumedAnswer {
  readonly #seam: Seam
  #hasBegun = false

  constructor(seam: Seam) {
    this.#seam = seam
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  add(batch: Batch): Batch {
    const shown = batch.map(withoutNative)
    if (this.#hasBegun || !showsSomething(shown)) return shown
    this.#hasBegun = true
    return [seamEvent(this.#seam), ...shown]
  }
}

/** An answer that goes on with the text of a broken one. */
export class TextAnswer implements ResumedAnswer {
  readonly #said: SaidText
  readonly #join: TextJoin
  readonly #seam: Seam
  /** The parts of which something was shown. */
  readonly #shownParts = new Set<number>()
  /** The part in which the texts join. */
  #joinedPart: number | undefined
  /** What counts the tokens before the seam is found. */
  #usage: ChatEvent | undefined
  #hasBegun = false

  constructor(said: SaidText, join: TextJoin, seam: Seam) {
    this.#said = said
    this.#join = join
    this.#seam = seam
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  add(batch: Batch): Batch {
    const shown: ChatEvent[] = []
    for (const event of batch.map(withoutNative)) {
      if (event.choice !== 0 || event.type === 'foreign') continue
      if (this.#hasBegun) this.#pass(event, shown)
      else this.#search(event, shown)
    }
    return shown
  }

  /** Takes an event before the seam. The reasoning of the new answer comes after a text, so it is not shown. */
  #search(event: ChatEvent, shown: ChatEvent[]): void {
    switch (event.type) {
      case 'text':
        this.#joinText(event, this.#join.add(event.text), shown)
        return
      case 'usage':
        this.#usage = event
        return
      case 'finish':
        this.#endText(this.#join.end(), shown)
        this.#pass(event, shown)
        return
      case 'tool-call':
        this.#endText(this.#join.end() ?? this.#nothingMissing(), shown)
        this.#pass(event, shown)
        return
      case 'reasoning':
      case 'part-end':
        return
      default:
        throw noSeam()
    }
  }

  /** The model may make its call at once, if nothing but the call was missing. */
  #nothingMissing(): '' | undefined {
    return this.#joinedPart === undefined && /[.!?:。!?:…]$/.test(this.#said.text) ? '' : undefined
  }

  #endText(rest: string | undefined, shown: ChatEvent[]): void {
    if (rest === undefined) throw noSeam()
    this.#begin(shown)
    if (rest !== '') this.#pass({ type: 'text', choice: 0, part: this.#joinedPart ?? 0, text: rest }, shown)
  }

  #joinText(event: Omit<TextEvent, 'type' | 'text'>, text: string | undefined, shown: ChatEvent[]): void {
    if (text === undefined) throw noSeam()
    this.#joinedPart = event.part
    if (!this.#join.isJoined) return
    this.#begin(shown)
    if (text !== '') this.#pass({ ...event, type: 'text', text }, shown)
  }

  #begin(shown: ChatEvent[]): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    shown.push(seamEvent(this.#seam))
    if (this.#usage) shown.push(this.#usage)
  }

  /** Shows an event after the seam. The extra fields of the new answer do not fit a text that another one has begun. */
  #pass(event: ChatEvent, shown: ChatEvent[]): void {
    if (event.type === 'finish') {
      const { extra: _, ...finish } = event
      shown.push(finish)
    } else if (!isOfPart(event)) shown.push(event)
    else if (event.type !== 'part-end' || this.#shownParts.has(event.part)) {
      this.#shownParts.add(event.part)
      shown.push(event.part === this.#joinedPart ? this.#moved(event) : event)
    }
  }

  #moved({ extra: _, ...event }: Extract<ChatEvent, { readonly part: number }>): ChatEvent {
    if (event.type !== 'text' && event.type !== 'part-end') return event
    return { ...event, ...moveAnnotations(event, this.#said.whole.length - this.#join.cut) }
  }
}

function seamEvent(seam: Seam): ChatEvent {
  return { type: 'seam', choice: 0, seam }
}

function withoutNative({ native: _, ...event }: ChatEvent): ChatEvent {
  return event
}

function noSeam(): ChatError {
  return new ChatError('unsupported', {
    message: 'The new answer does not go on where the other one broke off.',
    code: 'no_seam',
  })
}
