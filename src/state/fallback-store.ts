import { ChatError } from '../chat/error.ts'
import { FallbackCounters } from './fallback-counters.ts'
import { MemoryStore } from './memory/memory-store.ts'
import type { CountOptions, Lease, LeaseClaim, NoticeListener, Store, StoredValue, WriteOptions } from './store.ts'

/** Versions and fences of what is kept in memory begin here, beyond all that a storage gives. */
const spareBase = 2 ** 52
/** Milliseconds between two tries to write what was kept in memory. */
const flushMs = 5_000

type CompareOptions = WriteOptions & { readonly lease?: LeaseClaim }

/**
 * Keeps in memory what its storage cannot write, such as on a full disk, and writes it as soon as that is possible: a conversation goes
 * on, and is lost only if the process ends before. What must be on the disk before it is used, such as a renewed credential, is
 * kept in the storage itself.
 *
 * One process has the storage. So what is kept in memory is newer than what the storage has, and a lease of the storage need not be
 * proven to the memory, nor the other way round.
 */
export class FallbackStore implements Store {
  readonly #store: Store
  readonly #now: () => number
  readonly #spare: MemoryStore
  /** When each value in memory ends; Infinity for never. */
  readonly #ends = new Map<string, number>()
  readonly #counters: FallbackCounters
  #last: Promise<unknown> = Promise.resolve()
  #timer: Timer | undefined

  constructor(store: Store, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
    this.#spare = new MemoryStore({ now })
    this.#counters = new FallbackCounters(store, now)
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#inOrder(() => this.#get(key))
  }

  put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    return this.#inOrder(() =>
      this.#orSpare(
        async () => {
          await this.#store.put(key, value, options)
          await this.#forget(key)
        },
        async () => {
          await this.#spare.put(key, value, options)
          this.#remember(key, options)
        },
      ),
    )
  }

  compareAndSet(
    key: string,
    expected: number,
    value: string,
    options: CompareOptions = {},
  ): Promise<number | undefined> {
    return this.#inOrder(async () => {
      if (expected >= spareBase) return this.#compareAndSpare(key, expected - spareBase, value, options)
      if (await this.#spare.get(key)) return undefined
      return this.#orSpare(
        () => this.#store.compareAndSet(key, expected, value, withoutSpareLease(options)),
        async () => {
          const isCurrent = ((await this.#store.get(key))?.version ?? 0) === expected
          return isCurrent ? this.#compareAndSpare(key, 0, value, options) : undefined
        },
      )
    })
  }

  take(key: string): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const stored = await this.#store.take(key)
      return (await this.#forget(key)) ?? stored
    })
  }

  delete(key: string): Promise<void> {
    return this.#inOrder(async () => {
      await this.#store.delete(key)
      await this.#forget(key)
    })
  }

  keys(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#inOrder(async () => {
      const found = [...(await this.#spare.keys(prefix, limit)), ...(await this.#store.keys(prefix, limit))]
      return [...new Set(found)].sort(byCodePoints).slice(0, limit)
    })
  }

  lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#inOrder(() =>
      this.#orSpare(
        () => this.#store.lease(name, ttlMs),
        async () => {
          const lease = await this.#spare.lease(name, ttlMs)
          return lease && { ...lease, fence: lease.fence + spareBase }
        },
      ),
    )
  }

  increment(key: string, by: number, options?: CountOptions): Promise<number> {
    return this.#inOrder(() =>
      this.#orSpare(
        async () => {
          await this.#counters.flush(key)
          return this.#store.increment(key, by, options)
        },
        async () => {
          const count = await this.#counters.increment(key, by, options)
          this.#flushLater()
          return count
        },
      ),
    )
  }

  notify(channel: string, text: string): Promise<void> {
    return this.#store.notify(channel, text)
  }

  listen(channel: string, listener: NoticeListener): Promise<() => void> {
    return this.#store.listen(channel, listener)
  }

  problem(): string | undefined {
    return this.#store.problem()
  }

  async close(): Promise<void> {
    await this.#flush()
    clearTimeout(this.#timer)
    await this.#store.close()
  }

  /** One after the other: each reads two stores, and nothing may change between. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #orSpare<T>(store: () => Promise<T>, spare: () => Promise<T>): Promise<T> {
    try {
      return await store()
    } catch (thrown) {
      if (!(thrown instanceof ChatError) || thrown.reason !== 'unavailable') throw thrown
      return spare()
    }
  }

  async #get(key: string): Promise<StoredValue | undefined> {
    const kept = await this.#spare.get(key)
    return kept ? { ...kept, version: kept.version + spareBase } : this.#store.get(key)
  }

  async #compareAndSpare(
    key: string,
    expected: number,
    value: string,
    options: CompareOptions,
  ): Promise<number | undefined> {
    const version = await this.#spare.compareAndSet(key, expected, value, spareLeaseOnly(options))
    if (version === undefined) return undefined
    this.#remember(key, options)
    return version + spareBase
  }

  #remember(key: string, { ttlMs = Number.POSITIVE_INFINITY }: WriteOptions): void {
    this.#ends.set(key, this.#now() + ttlMs)
    this.#flushLater()
  }

  #flushLater(): void {
    if (this.#timer) return
    this.#timer = setTimeout(() => void this.#flush(), flushMs)
    this.#timer.unref()
  }

  #forget(key: string): Promise<string | undefined> {
    this.#ends.delete(key)
    return this.#spare.take(key)
  }

  /** Writes what waits in memory, up to the first that still cannot be written. */
  #flush(): Promise<void> {
    return this.#inOrder(async () => {
      this.#timer = undefined
      try {
        for (const key of [...this.#ends.keys()]) await this.#flushOne(key)
        await this.#counters.flushAll()
      } catch {
        this.#flushLater()
      }
    })
  }

  async #flushOne(key: string): Promise<void> {
    const kept = await this.#spare.get(key)
    const ttlMs = (this.#ends.get(key) ?? 0) - this.#now()
    if (kept && ttlMs > 0) await this.#store.put(key, kept.value, Number.isFinite(ttlMs) ? { ttlMs } : {})
    await this.#forget(key)
  }
}

function withoutSpareLease({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence < spareBase ? { ...rest, lease } : rest
}

function spareLeaseOnly({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence >= spareBase ? { ...rest, lease: { ...lease, fence: lease.fence - spareBase } } : rest
}

function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
