import type { Budget } from '../chat/caller.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'

/** Money is counted in billionths of a dollar, because a counter is a whole number. */
export const perDollar = 1e9

/** Milliseconds after which what other processes have spent is asked for again. */
const staleMs = 5_000
const dayMs = 86_400_000

export interface BudgetOptions {
  readonly store: Store
  readonly runtime: Pick<Runtime, 'now' | 'elapsed'>
  /** Called if the store cannot be asked. */
  onFailure(thrown: unknown): void
}

/** A period of a budget. */
export interface Period {
  /** A part of the counter's name. */
  readonly name: string
  /** Milliseconds since 1970; undefined if it has no end. */
  readonly endsAt: number | undefined
}

export function periodOf({ period, unit }: Budget, now: number): Period {
  if (period === undefined) return { name: `prepaid ${unit}`, endsAt: undefined }
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const isDay = period === 'day'
  return {
    name: `${date.toISOString().slice(0, isDay ? 10 : 7)} ${unit}`,
    endsAt: isDay ? (Math.floor(now / dayMs) + 1) * dayMs : Date.UTC(year, month + 1),
  }
}

/**
 * What was spent of a budget in one period. It is added up in the store, which survives a restart and which other processes share; what has not
 * arrived there yet counts too.
 */
export class BudgetAccount {
  readonly #key: string
  readonly #period: Period
  readonly #options: BudgetOptions
  /** What the store had when it was last asked. */
  #stored = 0
  #askedAt = Number.NEGATIVE_INFINITY
  /** Whether the store was asked, and has answered or failed. */
  #isReady = false
  #unsent = 0
  #inFlight = 0
  #sending: Promise<void> | undefined
  /** What running calls are expected to spend. */
  #reserved = 0

  constructor(caller: string, period: Period, options: BudgetOptions) {
    this.#key = `client-budget/${caller}/${period.name}`
    this.#period = period
    this.#options = options
  }

  get period(): Period {
    return this.#period
  }

  /** What was spent, as far as it is known. */
  get spent(): number {
    return this.#stored + this.#inFlight + this.#unsent
  }

  /** What was spent, and what running calls are expected to spend. */
  get used(): number {
    return this.spent + this.#reserved
  }

  /** Waits for the store only the first time. Later it is asked in the background. */
  ready(): undefined | Promise<void> {
    if (this.#isReady && this.#options.runtime.elapsed() - this.#askedAt < staleMs) return undefined
    const sending = this.#send()
    return this.#isReady ? undefined : sending
  }

  /** @param amount below 0 to give it back */
  reserve(amount: number): void {
    this.#reserved += amount
  }

  spend(amount: number): void {
    this.#unsent += amount
    if (amount > 0) void this.#send()
  }

  /** Writes all that is unwritten. */
  async flush(): Promise<void> {
    await this.#sending
    if (this.#unsent > 0) await this.#send()
  }

  /** One increment at a time, so that the store's answers come in order. */
  #send(): Promise<void> {
    this.#sending ??= this.#increment().then((isWritten) => {
      this.#sending = undefined
      if (isWritten && this.#unsent > 0) void this.#send()
    })
    return this.#sending
  }

  /** @returns false if the store cannot be asked; the next answer tries again */
  async #increment(): Promise<boolean> {
    const { store, runtime, onFailure } = this.#options
    const { endsAt } = this.#period
    this.#inFlight = this.#unsent
    this.#unsent = 0
    this.#askedAt = runtime.elapsed()
    try {
      const ttl = endsAt === undefined ? {} : { ttlMs: endsAt + dayMs - runtime.now() }
      this.#stored = await store.increment(this.#key, this.#inFlight, ttl)
      return true
    } catch (thrown) {
      this.#unsent += this.#inFlight
      onFailure(thrown)
      return false
    } finally {
      this.#inFlight = 0
      this.#isReady = true
    }
  }
}
