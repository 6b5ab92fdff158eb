/**
 * A deadline that moves. Feeding it costs a clock reading, not a timer: the one timer it has is set again only when it
 * fires too early. So a stream of ten thousand events sets a handful of timers.
 */
export class Watchdog {
  readonly #onSilence: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #firesAt = 0
  #dueAt = 0

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence
  }

  /** Barks `limitMs` milliseconds from now, unless fed or stopped before. */
  feed(limitMs: number): void {
    const now = performance.now()
    this.#dueAt = now + limitMs
    if (this.#timer && this.#firesAt <= this.#dueAt) return
    this.#arm(now)
  }

  /** Lets go of the timer; feeding it again starts it anew. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(now: number): void {
    clearTimeout(this.#timer)
    this.#firesAt = this.#dueAt
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(this.#dueAt - now)))
  }

  #fire(): void {
    const now = performance.now()
    if (now < this.#dueAt) {
      this.#arm(now)
      return
    }
    this.#timer = undefined
    this.#onSilence()
  }
}
