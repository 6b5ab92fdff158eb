import type { Annotation, ChatEvent, TextEvent } from '../../chat/event.ts'

const between = '\n\n'

/**
 * Makes one text of what is said in several rounds: a blank line between, and offsets that count in the whole. An
 * upstream's own chunks stay behind: each belongs to an answer of its own.
 */
export class OneText {
  #length = 0
  #start = 0
  #isRoundNew = false

  nextRound(): void {
    this.#isRoundNew = true
    this.#start = this.#length
  }

  /** The event as it stands in the whole; undefined where it says nothing. */
  event({ native: _, ...event }: ChatEvent): ChatEvent | undefined {
    return event.type === 'text' ? this.#text(event) : event
  }

  #text({ isForeign: _, ...event }: Omit<TextEvent, 'native'>): TextEvent | undefined {
    if (event.text === '' && !event.annotations && event.logprobs === undefined) return undefined
    if (event.refusal) return event
    const isFirst = this.#isRoundNew && event.text !== ''
    if (isFirst) this.#isRoundNew = false
    const text = isFirst && this.#length > 0 ? between + event.text : event.text
    if (text !== event.text) this.#start += between.length
    this.#length += text.length
    return {
      ...event,
      text,
      ...(event.annotations && { annotations: event.annotations.map((annotation) => moved(annotation, this.#start)) }),
    }
  }
}

function moved(annotation: Annotation, by: number): Annotation {
  const { start, end } = annotation
  return {
    ...annotation,
    ...(start !== undefined && { start: start + by }),
    ...(end !== undefined && { end: end + by }),
  }
}
