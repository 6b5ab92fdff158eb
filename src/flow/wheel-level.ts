/** Number of slots of a level. */
export const slotCount = 64

/** A link of a ring. A new link forms a ring with only itself. */
export class Link {
  previous: Link = this
  next: Link = this

  unlink(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }

  linkBefore(other: Link): void {
    this.previous = other.previous
    this.next = other
    other.previous.next = this
    other.previous = this
  }
}

/** One level of a timer wheel. A slot holds the timers that are due in the same span of milliseconds. */
export class WheelLevel {
  /** Milliseconds that a slot covers. */
  readonly width: number
  /** Milliseconds that all slots cover. */
  readonly reachMs: number
  /** The first link of each slot holds no timer. */
  readonly #slots = Array.from({ length: slotCount }, () => new Link())
  size = 0

  constructor(width: number) {
    this.width = width
    this.reachMs = width * slotCount
  }

  /** Puts a link into the slot of a millisecond. @returns the first millisecond of that slot */
  add(link: Link, tick: number): number {
    const turn = Math.floor(tick / this.width)
    const slot = this.#slots[turn % slotCount]
    if (slot) link.linkBefore(slot)
    this.size++
    return turn * this.width
  }

  remove(link: Link): void {
    link.unlink()
    this.size--
  }

  /** Returns the first timer of the slot that begins at this millisecond. */
  firstAt(tick: number): Link | undefined {
    if (this.size === 0 || tick % this.width !== 0) return undefined
    const slot = this.#slots[(tick / this.width) % slotCount]
    return slot?.next === slot ? undefined : slot?.next
  }

  /** Returns the start of the next slot after this millisecond that holds a timer; Infinity if there is none. */
  nextStart(tick: number): number {
    if (this.size === 0) return Number.POSITIVE_INFINITY
    const turn = Math.floor(tick / this.width)
    for (let ahead = 1; ahead <= slotCount; ahead++) {
      const slot = this.#slots[(turn + ahead) % slotCount]
      if (slot && slot.next !== slot) return (turn + ahead) * this.width
    }
    return Number.POSITIVE_INFINITY
  }
}
