import { type ChatEvent, isOfPart } from '../../chat/event.ts'
import { moveAnnotations } from '../../chat/move-annotations.ts'

const between = '\n\n'

/**
 * Joins the rounds to one answer: it numbers the parts of all rounds in order, puts a blank line between the texts of
 * two rounds, and moves annotations. Native chunks are dropped, because each belongs to its own round.
 */
export class OneAnswer {
  /** The part's number in the whole answer, by its number in this round. */
  readonly #parts = new Map<number, number>()
  #next = 0
  #length = 0
  #start = 0
  #isRoundNew = false

  nextRound(): void {
    this.#isRoundNew = true
    this.#start = this.#length
    this.#parts.clear()
  }

  /** Converts an event of the round to an event of the whole answer. */
  event({ native: _, ...event }: ChatEvent): ChatEvent {
    if (!isOfPart(event)) return event
    const moved = { ...event, part: this.#partInAnswer(event.part) }
    switch (moved.type) {
      case 'text': {
        const text = this.#join(moved.text)
        return { ...moved, text, ...moveAnnotations(moved, this.#start) }
      }
      case 'part-end':
        return { ...moved, ...moveAnnotations(moved, this.#start) }
      default:
        return moved
    }
  }

  #partInAnswer(part: number): number {
    const known = this.#parts.get(part)
    if (known !== undefined) return known
    this.#parts.set(part, this.#next)
    return this.#next++
  }

  #join(roundText: string): string {
    const isFirst = this.#isRoundNew && roundText !== ''
    if (isFirst) this.#isRoundNew = false
    const text = isFirst && this.#length > 0 ? between + roundText : roundText
    if (text !== roundText) this.#start += between.length
    this.#length += text.length
    return text
  }
}
