import { checkCount } from './bounds.ts'
import { Counters } from './memory/counters.ts'
import type { CountOptions, Store } from './store.ts'

/**
 * What was counted while the storage could not be written, on top of what it has. A window that ends in the storage
 * meanwhile goes on in memory for one length of it at the most: in doubt more is counted, not less.
 */
export class FallbackCounters {
  readonly #store: Store
  readonly #now: () => number
  readonly #added: Counters

  constructor(store: Store, now: () => number) {
    this.#store = store
    this.#now = now
    this.#added = new Counters(now)
  }

  /** Counts in memory. @throws ChatError `unavailable` where the storage cannot be read either */
  async increment(key: string, by: number, options?: CountOptions): Promise<number> {
    const stored = await this.#store.increment(key, 0)
    checkCount(stored + (this.#added.peek(key)?.value ?? 0) + by)
    return stored + this.#added.add(key, by, options)
  }

  /** Writes what waits of this counter. @throws ChatError `unavailable` where it still cannot be written */
  async flush(key: string): Promise<void> {
    const added = this.#added.peek(key)
    if (!added) return
    const ttlMs = added.expiresAt - this.#now()
    await this.#store.increment(key, added.value, Number.isFinite(ttlMs) ? { ttlMs } : {})
    this.#added.delete(key)
  }

  /** Writes all that waits, up to the first that still cannot be written. */
  async flushAll(): Promise<void> {
    for (const key of this.#added.keys()) await this.flush(key)
  }
}
