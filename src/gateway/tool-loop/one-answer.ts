import { type ChatEvent, isOfPart } from '../../chat/event.ts'
import { moveAnnotations } from '../../chat/move-annotations.ts'

const between = '\n\n'

/**
 * Makes one answer of what is said in several rounds: their parts counted through, a blank line between the texts of two
 * rounds, and offsets that count in the whole. An upstream's own chunks stay behind: each belongs to an answer of its own.
 */
export class OneAnswer {
  /** Parts of the whole by their number in this round. */
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

  /** The event as it stands in the whole. */
  event({ native: _, ...event }: ChatEvent): ChatEvent {
    if (!isOfPart(event)) return event
    const placed = { ...event, part: this.#placeOf(event.part) }
    switch (placed.type) {
      case 'text': {
        const text = this.#join(placed.text)
        return { ...placed, text, ...moveAnnotations(placed, this.#start) }
      }
      case 'part-end':
        return { ...placed, ...moveAnnotations(placed, this.#start) }
      default:
        return placed
    }
  }

  #placeOf(part: number): number {
    const known = this.#parts.get(part)
    if (known !== undefined) return known
    this.#parts.set(part, this.#next)
    return this.#next++
  }

  #join(said: string): string {
    const isFirst = this.#isRoundNew && said !== ''
    if (isFirst) this.#isRoundNew = false
    const text = isFirst && this.#length > 0 ? between + said : said
    if (text !== said) this.#start += between.length
    this.#length += text.length
    return text
  }
}
