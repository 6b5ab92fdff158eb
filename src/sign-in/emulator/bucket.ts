const hourMs = 3_600_000

/** A token bucket: it starts full, and an empty one is full again after an hour. */
export class TokenBucket {
  readonly #capacity: number
  readonly #now: () => number
  #tokens: number
  #filledAt: number

  constructor(capacity: number, now: () => number) {
    this.#capacity = capacity
    this.#now = now
    this.#tokens = capacity
    this.#filledAt = now()
  }

  /** @returns whether there was a token */
  take(): boolean {
    const now = this.#now()
    const grown = ((now - this.#filledAt) / hourMs) * this.#capacity
    this.#tokens = Math.min(this.#capacity, this.#tokens + grown)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
