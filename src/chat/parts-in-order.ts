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
  #waiting: EventOfPart[] = []

  /** Returns the events that can be written now. */
  add(event: EventOfPart): readonly EventOfPart[] {
    if (this.#open === undefined || event.part === this.#open) return this.#pass(event)
    this.#waiting.push(event)
    return []
  }

  /** Returns the events that still wait, when no more will come. */
  end(): readonly EventOfPart[] {
    const ordered: EventOfPart[] = []
    while (this.#waiting.length > 0) {
      this.#open = undefined
      ordered.push(...this.#release())
    }
    return ordered
  }

  #pass(event: EventOfPart): readonly EventOfPart[] {
    if (event.type === 'tool-call') this.#open = event.part
    if (event.type !== 'part-end' || event.part !== this.#open) return [event]
    this.#open = undefined
    return [event, ...this.#release()]
  }

  /** Takes the events that waited, part by part, up to a tool call that is not complete. */
  #release(): readonly EventOfPart[] {
    const released: EventOfPart[] = []
    for (let part = this.#waiting[0]?.part; part !== undefined; part = this.#waiting[0]?.part) {
      if (this.#open !== undefined) break
      const mine = this.#waiting.filter((event) => event.part === part)
      this.#waiting = this.#waiting.filter((event) => event.part !== part)
      for (const event of mine) {
        if (event.type === 'tool-call') this.#open = part
        if (event.type === 'part-end') this.#open = undefined
        released.push(event)
      }
    }
    return released
  }
}
