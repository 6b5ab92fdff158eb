const firstMs = 1_000
const maxMs = 60_000
/** A server that did what no honest one does is left alone for so long. */
const cutOffMs = 300_000
/** A connection that lasted so long was a good one. */
const steadyMs = 60_000

/** How long a server that failed is left alone: not at all after a good while, then 1 s, 2 s … 60 s, each up to half as much less. */
export class Backoff {
  readonly #now: () => number
  readonly #random: () => number
  #failures = 0
  #began: number | undefined
  #until = 0

  /** @param now milliseconds by a steady clock @param random from 0 to 1 */
  constructor(now: () => number, random: () => number) {
    this.#now = now
    this.#random = random
  }

  get isWaiting(): boolean {
    return this.waitMs > 0
  }

  /** Milliseconds until it may be tried again. */
  get waitMs(): number {
    return Math.max(0, this.#until - this.#now())
  }

  /** A connection has begun. */
  began(): void {
    this.#began = this.#now()
  }

  failed(): void {
    const lasted = this.#began === undefined ? 0 : this.#now() - this.#began
    this.#failures = lasted >= steadyMs ? 1 : this.#failures + 1
    this.#began = undefined
    const waitMs = this.#failures === 1 ? 0 : Math.min(maxMs, firstMs * 2 ** (this.#failures - 2))
    this.#until = this.#now() + waitMs * (1 - this.#random() / 2)
  }

  misbehaved(): void {
    this.#began = undefined
    this.#until = this.#now() + cutOffMs
  }
}
