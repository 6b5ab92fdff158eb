import type { ChatEvent } from './event.ts'

/** An event of a part. */
export type EventOfPart = Extract<ChatEvent, { readonly part: number }>

/**
 * Orders events for a protocol whose parts must not overlap. While a tool call is open, the events of other parts wait until it has
 * ended.
 */
export class PartsInOrder {
  /** The part of the tool call that is open. */
  #open: number | undefined
  /** The events that wait, by their parts. */
  readonly #waiting = new Map<number, EventOfPart[]>()

  /** Returns the events that can be written now. */
  add(event: EventOfPart): readonly EventOfPart[] {
    if (this.#open === undefined || event.part === this.#open) return this.#pass(event)
    const waiting = this.#waiting.get(event.part)
    if (waiting) waiting.push(event)
    else this.#waiting.set(event.part, [event])
    return []
  }

  /** Returns the events that still wait, when no more will come. */
  end(): readonly EventOfPart[] {
    const ordered: EventOfPart[] = []
    while (this.#waiting.size > 0) {
      this.#open = undefined
      this.#release(ordered)
    }
    return ordered
  }

  #pass(event: EventOfPart): readonly EventOfPart[] {
    if (event.type === 'tool-call') this.#open = event.part
    if (event.type !== 'part-end' || event.part !== this.#open) return [event]
    this.#open = undefined
    const released = [event]
    this.#release(released)
    return released
  }

  /** Takes the events that waited, part by part, up to a tool call that is not complete. */
  #release(released: EventOfPart[]): void {
    for (const [part, events] of this.#waiting) {
      if (this.#open !== undefined) break
      this.#waiting.delete(part)
      for (const event of events) {
        if (event.type === 'tool-call') this.#open = part
        if (event.type === 'part-end') this.#open = undefined
        released.push(event)
      }
    }
  }
}
