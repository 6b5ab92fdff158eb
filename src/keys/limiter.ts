import type { Caller } from '../chat/caller.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import { type AnswerUse, type BudgetUse, KeyMeter, type LimitsLeft } from './key-meter.ts'
import type { SharedStore } from './shared-limits.ts'

export interface LimiterOptions {
  /** Keeps what was spent of budgets. */
  readonly store: Store
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'now' | 'elapsed' | 'random' | 'timers'>
  /** The store of all processes, if there may be others. */
  readonly shared?: SharedStore | undefined
}

/** Milliseconds between two log lines about a store that fails. */
const repeatMs = 60_000

/** The meters of all keys with limits. */
export class Limiter {
  readonly #options: LimiterOptions
  readonly #meters = new Map<string, KeyMeter>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(options: LimiterOptions) {
    this.#options = options
  }

  meterOf({ id }: Caller): KeyMeter {
    const known = this.#meters.get(id)
    if (known) return known
    const { store, runtime, shared } = this.#options
    const meter = new KeyMeter(id, { store, runtime, shared, onFailure: (thrown) => this.#onFailure(thrown) })
    this.#meters.set(id, meter)
    return meter
  }

  /** Counts what an answer to a caller's request has used. */
  spend(caller: Caller, use: () => AnswerUse): void {
    if (caller.limits) this.meterOf(caller).spend(use(), caller.limits)
  }

  /** What is left of a caller's limits of a minute. */
  left(caller: Caller): LimitsLeft | undefined {
    return caller.limits && this.meterOf(caller).left(caller.limits)
  }

  /** What was spent of a caller's budget; undefined if it has none. */
  async budgetUse(caller: Caller): Promise<BudgetUse | undefined> {
    const budget = caller.limits?.budget
    return budget && this.meterOf(caller).budgetUse(budget)
  }

  /** What a caller has spent of its budget; undefined if it has none, or has not used it in this process. */
  spentBy({ id, limits }: Caller): BudgetUse | undefined {
    return limits?.budget && this.#meters.get(id)?.spentOf(limits.budget)
  }

  /** Forgets the meters of all other callers, whose keys were revoked. */
  keep(callers: readonly Caller[]): void {
    const ids = new Set(callers.map(({ id }) => id))
    for (const id of this.#meters.keys()) if (!ids.has(id)) this.#meters.delete(id)
  }

  /** Writes what was spent. */
  async flush(): Promise<void> {
    await Promise.all([...this.#meters.values()].map((meter) => meter.flush()))
  }

  #onFailure(err: unknown): void {
    const now = this.#options.runtime.elapsed()
    const level = now - this.#warnedAt < repeatMs ? 'debug' : 'error'
    if (level === 'error') this.#warnedAt = now
    this.#options.log[level]({ err }, 'the limits of client keys only count in this process')
  }
}
