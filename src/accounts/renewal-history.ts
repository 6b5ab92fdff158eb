/**
 * Milliseconds after which a failed early renewal is tried again, and the shortest time between two renewals. The
 * second is needed if the clock is hours wrong, because then every new credential seems to have ended already.
 */
const pauseMs = 15_000

/** Remembers when an account was renewed, and whether that was because its credential was refused. */
export class RenewalHistory {
  readonly #now: () => number
  #renewedAt: number | undefined
  #replacedAt: number | undefined
  /** Whether the current credential was refused. */
  #isRefused = false
  #pausedUntil = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Milliseconds since 1970. */
  get renewedAt(): number | undefined {
    return this.#renewedAt
  }

  get isJustRenewed(): boolean {
    return this.#isRecent(this.#renewedAt)
  }

  /** Whether the account has just been renewed because its credential was refused. */
  get isJustReplaced(): boolean {
    return this.#isRecent(this.#replacedAt)
  }

  /** Whether an early renewal has failed a moment ago. */
  get isPaused(): boolean {
    return this.#now() < this.#pausedUntil
  }

  noteRefusal(): void {
    this.#isRefused = true
  }

  noteRenewal(): void {
    this.#renewedAt = this.#now()
    if (this.#isRefused) this.#replacedAt = this.#renewedAt
    this.#isRefused = false
  }

  /** Notes that an early renewal has failed. @param retryAfterMs how long the service asked to wait */
  noteFailure(retryAfterMs = 0): void {
    this.#pausedUntil = this.#now() + Math.max(pauseMs, retryAfterMs)
  }

  /** A time in the future means that the clock was set back. Then it does not count as recent. */
  #isRecent(at = Number.NEGATIVE_INFINITY): boolean {
    const now = this.#now()
    return at <= now && now < at + pauseMs
  }
}
