import type { Cancel } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { orAbort } from '../../flow/wait.ts'

/** Milliseconds after the end of a run in which the second of its two end events may still come. */
const trailingMs = 5_000
/** Limit for the remembered runs of an account, whose late events must be recognised. */
const maxIds = 64

/**
 * The runs of one account. Every connection of an account gets the events of all its runs, and not every event names
 * its run, so a run has to know about the others.
 */
export class AccountRuns {
  /** The id of the prompt that the gateway made for its runs; undefined if it made none. */
  promptId: string | undefined
  #lastTurn: Promise<void> = Promise.resolve()
  #running = 0
  #waiting = 0
  readonly #ids = new Set<string>()
  #trailingUntil = Number.NEGATIVE_INFINITY
  /** The runtime of the call that began last. */
  #runtime: Runtime | undefined

  /** Whether no run is running or waiting. */
  get isIdle(): boolean {
    return this.#running + this.#waiting === 0
  }

  /** Whether there is only one run, so that an event without a name must belong to it. */
  get isOne(): boolean {
    return this.#running === 1
  }

  /**
   * Waits for the run's turn. No other run begins until the turn is passed on.
   * @returns a function that passes the turn on; it may be called more than once
   */
  async begin(signal: Cancel): Promise<() => void> {
    this.#runtime = signal.runtime
    const before = this.#lastTurn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#lastTurn = before.then(() => promise)
    this.#waiting++
    try {
      await orAbort(before, signal)
    } catch (thrown) {
      resolve()
      throw thrown
    } finally {
      this.#waiting--
    }
    this.#running++
    return resolve
  }

  /** @param owesEnd whether the run has ended with one of the two end events, and the other one has not come */
  end(owesEnd: boolean): void {
    this.#running--
    if (owesEnd) this.#trailingUntil = this.#elapsed() + trailingMs
  }

  /**
   * Whether an end event without a name may be the second one of an earlier run. If so, the
   * event is counted as that one, and the next call returns false.
   */
  takeTrailingEnd(): boolean {
    const isTrailing = this.#elapsed() < this.#trailingUntil
    this.#trailingUntil = Number.NEGATIVE_INFINITY
    return isTrailing
  }

  #elapsed(): number {
    return this.#runtime?.elapsed() ?? 0
  }

  /** Notes that a run has this name, so that no other run can have it. */
  claim(id: string): void {
    this.#ids.add(id)
    const [oldest] = this.#ids
    if (this.#ids.size > maxIds && oldest !== undefined) this.#ids.delete(oldest)
  }

  isClaimed(id: string): boolean {
    return this.#ids.has(id)
  }
}
