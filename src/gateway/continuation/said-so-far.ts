import type { ChatEvent, Usage } from '../../chat/event.ts'
import { GatheredText } from '../../chat/gathered-text.ts'
import type { Batch } from '../../flow/flow.ts'

/** Limit for the UTF-16 units of an answer that is kept. A longer one is not continued. */
const maxText = 256 * 1024

/** The part that is open at the end of a broken answer. */
export interface BrokenPart {
  readonly part: number
  readonly isText: boolean
}

/** Keeps what an answer has said so far, as long as another answer could go on with it. */
export class SaidSoFar {
  #text: GatheredText | undefined = new GatheredText()
  /** The part of the text that grows. Its events are the most frequent ones. */
  #textPart: number | undefined
  #reasoningPart: number | undefined
  #nextPart = 0
  #hasReasoning = false
  #usage: Usage | undefined

  /** The number of the next part. */
  get nextPart(): number {
    return this.#nextPart
  }

  get open(): BrokenPart | undefined {
    if (this.#textPart !== undefined) return { part: this.#textPart, isText: true }
    return this.#reasoningPart === undefined ? undefined : { part: this.#reasoningPart, isText: false }
  }

  /** The tokens that were counted last. */
  get usage(): Usage | undefined {
    return this.#usage
  }

  add(batch: Batch): void {
    if (!this.#text) return
    for (const event of batch) {
      if (event.type === 'text' && event.part === this.#textPart && event.choice === 0) this.#text?.add(event.text)
      else this.#note(event)
    }
    if (this.#text && this.#text.length > maxText) this.#text = undefined
  }

  /** Returns the text, once; undefined if no other answer can go on with this one. */
  take(): string | undefined {
    const text = this.#text?.take()
    this.#text = undefined
    if (text === undefined || (text.trim() === '' && (text !== '' || !this.#hasReasoning))) return undefined
    return text
  }

  #note(event: ChatEvent): void {
    switch (event.type) {
      case 'usage':
        this.#usage = event.usage
        return
      case 'seam':
        return
      case 'foreign':
        if (event.isShown) this.#text = undefined
        return
      case 'text':
      case 'reasoning':
      case 'part-end':
        if (event.choice === 0) this.#notePart(event)
        else this.#text = undefined
        return
      default:
        // it is complete, or half of a tool call is shown
        this.#text = undefined
    }
  }

  #notePart(event: Extract<ChatEvent, { readonly part: number }>): void {
    this.#textPart = event.type === 'text' ? event.part : undefined
    this.#reasoningPart = event.type === 'reasoning' ? event.part : undefined
    this.#nextPart = Math.max(this.#nextPart, event.part + 1)
    if (event.type === 'text') this.#text?.add(event.text)
    this.#hasReasoning ||= event.type === 'reasoning'
  }
}
