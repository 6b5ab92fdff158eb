import type { Cancel } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { orAbort } from '../../flow/wait.ts'

/** Milliseconds in which the second of a run's two ends may still come. */
const trailingMs = 5_000
/** Runs of an account that are remembered, so that what comes late of them is known for theirs. */
const maxIds = 64

/**
 * The runs of one account, as far as one has to know of the others: every connection of an account hears the events of
 * all its runs, and not every event says whose it is.
 */
export class AccountRuns {
  /** The prompt its runs are of, where one had to be made. */
  promptId: string | undefined
  #lastTurn: Promise<void> = Promise.resolve()
  #running = 0
  #waiting = 0
  readonly #ids = new Set<string>()
  #trailingUntil = Number.NEGATIVE_INFINITY
  /** The machine of the call that began last. */
  #runtime: Runtime | undefined

  /** Whether nobody runs, or waits to. */
  get isIdle(): boolean {
    return this.#running + this.#waiting === 0
  }

  /** Whether what does not say whose it is can only be of the one run there is. */
  get isOne(): boolean {
    return this.#running === 1
  }

  /**
   * Waits for its turn. Until it is passed on, nobody else begins.
   * @returns passes the turn on; more than once does no harm
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

  /** @param owesEnd whether the run has ended by one of the two ends, and the other has not come */
  end(owesEnd: boolean): void {
    this.#running--
    if (owesEnd) this.#trailingUntil = this.#elapsed() + trailingMs
  }

  /** Whether an end that does not say whose it is may be the second of a run before; then it is, and there is no other. */
  takeTrailingEnd(): boolean {
    const isTrailing = this.#elapsed() < this.#trailingUntil
    this.#trailingUntil = Number.NEGATIVE_INFINITY
    return isTrailing
  }

  #elapsed(): number {
    return this.#runtime?.elapsed() ?? 0
  }

  /** Says that a run has this name, and so no other has. */
  claim(id: string): void {
    this.#ids.add(id)
    const [oldest] = this.#ids
    if (this.#ids.size > maxIds && oldest !== undefined) this.#ids.delete(oldest)
  }

  isClaimed(id: string): boolean {
    return this.#ids.has(id)
  }
}
