/** Milliseconds of one of the two periods that are counted: the current one and the one before. */
const periodMs = 30_000
/** With fewer answers, their share of failures says little. */
const minAnswers = 10
const highShare = 0.5

/** The share of failures among the answers of the last minute or half minute. */
export class FailureRate {
  #period = 0
  #current = { failed: 0, all: 0 }
  #before = { failed: 0, all: 0 }

  note(outcome: 'answered' | 'failed', now: number): void {
    this.#turn(now)
    this.#current.all++
    if (outcome === 'failed') this.#current.failed++
  }

  /** Whether at least half of the answers have failed, if there were enough of them. */
  isHigh(now: number): boolean {
    this.#turn(now)
    const all = this.#current.all + this.#before.all
    return all >= minAnswers && this.#current.failed + this.#before.failed >= all * highShare
  }

  /** Whether no failure is left in the counted time. */
  isClean(now: number): boolean {
    this.#turn(now)
    return this.#current.failed + this.#before.failed === 0
  }

  #turn(now: number): void {
    const period = Math.floor(now / periodMs)
    if (period === this.#period) return
    this.#before = period === this.#period + 1 ? this.#current : { failed: 0, all: 0 }
    this.#current = { failed: 0, all: 0 }
    this.#period = period
  }
}
