import { checkCount } from './bounds.ts'
import { Counters } from './memory/counters.ts'
import type { CountOptions, Store } from './store.ts'

/**
 * Counts in memory while the storage cannot be written. The result is the sum of the stored count and the count in
 * memory. If a window ends in the storage meanwhile, it continues in memory for at most its length again, because it
 * is better to count too much than too little.
 */
export class FallbackCounters {
  readonly #store: Store
  readonly #now: () => number
  readonly #isShared: boolean
  readonly #added: Counters

  constructor(store: Store, { now, isShared }: { readonly now: () => number; readonly isShared: boolean }) {
    this.#store = store
    this.#now = now
    this.#isShared = isShared
    this.#added = new Counters(now)
  }

  /** Counts in memory. @throws ChatError `unavailable` if the storage cannot be read either */
  async increment(key: string, by: number, options?: CountOptions): Promise<number> {
    const storedCount = await this.#read(key)
    checkCount(storedCount + (this.#added.peek(key)?.value ?? 0) + by)
    return storedCount + this.#added.add(key, by, options)
  }

  /** A shared storage that is away cannot be read: then each process counts for itself, from 0. */
  async #read(key: string): Promise<number> {
    try {
      return await this.#store.increment(key, 0)
    } catch (thrown) {
      if (this.#isShared) return 0
      throw thrown
    }
  }

  /** Writes the unwritten part of this counter. @throws ChatError `unavailable` if it still cannot be written */
  async flush(key: string): Promise<void> {
    const added = this.#added.peek(key)
    if (!added) return
    const ttlMs = added.expiresAt - this.#now()
    await this.#store.increment(key, added.value, Number.isFinite(ttlMs) ? { ttlMs } : {})
    this.#added.delete(key)
  }

  /** The counters that have an unwritten part. */
  unwritten(): readonly string[] {
    return [...this.#added.keys()]
  }
}
