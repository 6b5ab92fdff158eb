import { ChatError } from '../chat/error.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import { compareKeys } from './compare-keys.ts'
import { FallbackCounters } from './fallback-counters.ts'
import { type CompareOptions, forMemory, forStorage, memoryBase } from './fallback-numbers.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { MemoryStore } from './memory/memory-store.ts'
import type {
  CountOptions,
  Lease,
  NoticeListener,
  StateEntry,
  Store,
  StoredValue,
  StoreProblem,
  WriteOptions,
} from './store.ts'
import { type Condition, Unwritten } from './unwritten.ts'

/** Milliseconds between two attempts to write the values in memory to the storage. */
const flushMs = { own: 5_000, shared: 1_000 } as const

type Clock = Pick<Runtime, 'now' | 'timers'>

interface MemoryWrite {
  readonly value: string
  readonly options: CompareOptions
  /** The condition of a later write to the storage. */
  readonly condition?: Condition
}

export interface FallbackOptions {
  /** Given if other processes use the storage too. */
  readonly shared?: {
    /** Called if a value in memory is dropped, because another process has changed the stored one meanwhile. */
    onDropped(key: string): void
  }
}

/**
 * Keeps values in memory while its storage cannot write them, for example on a full disk, and writes them as soon as
 * that is possible. So a conversation continues, and is lost only if the process ends before that. Values that must
 * be on the disk before they are used, such as renewed credentials, are written to the storage directly.
 *
 * If only one process uses the storage, a value in memory is always newer than the one in the storage, and a write to
 * one of the two does not check the leases of the other. If several do, leases are only taken in the storage, and a
 * value is written only if nobody else has written meanwhile (docs/decisions/0084-lost-redis.md).
 */
export class FallbackStore implements Store {
  readonly #store: Store
  readonly #runtime: Clock
  readonly #memory: MemoryStore
  readonly #unwritten: Unwritten
  readonly #isShared: boolean
  readonly #counters: FallbackCounters
  /** Each call reads two stores, and nothing may change in between. */
  readonly #queue = new KeyedQueue()
  #timer: Timer | undefined

  constructor(store: Store, runtime: Clock, { shared }: FallbackOptions = {}) {
    const now = () => runtime.now()
    this.#store = store
    this.#runtime = runtime
    const isShared = shared !== undefined
    this.#isShared = isShared
    this.#memory = new MemoryStore({ runtime })
    this.#counters = new FallbackCounters(store, { now, isShared })
    this.#unwritten = new Unwritten({ store, now, onDropped: (key) => shared?.onDropped(key) })
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#queue.run(key, async () => {
      await this.#settle(key)
      return this.#get(key)
    })
  }

  put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    return this.#queue.run(key, () =>
      this.#orInMemory(
        async () => {
          await this.#store.put(key, value, options)
          await this.#deleteFromMemory(key)
        },
        async () => {
          await this.#memory.put(key, value, options)
          this.#unwritten.add(key, options)
          this.#flushLater()
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
    return this.#queue.run(key, async () => {
      await this.#settle(key)
      if (expected >= memoryBase) return this.#compareInMemory(key, expected - memoryBase, { value, options })
      if (await this.#memory.get(key)) return undefined
      return this.#orInMemory(
        () => this.#store.compareAndSet(key, expected, value, forStorage(options)),
        () => this.#compareUnread(key, expected, { value, options }),
      )
    })
  }

  take(key: string): Promise<string | undefined> {
    return this.#queue.run(key, async () => {
      const stored = await this.#store.take(key)
      return (await this.#deleteFromMemory(key)) ?? stored
    })
  }

  delete(key: string): Promise<void> {
    return this.#queue.run(key, async () => {
      await this.#store.delete(key)
      await this.#deleteFromMemory(key)
    })
  }

  keys(prefix: string, limit: number): Promise<readonly string[]> {
    return this.#queue.drained().then(async () => {
      // the memory first: a value that is written to the storage meanwhile is found in at least one of them
      const found = [...(await this.#memory.keys(prefix, limit)), ...(await this.#store.keys(prefix, limit))]
      return [...new Set(found)].sort(compareKeys).slice(0, limit)
    })
  }

  lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    // two processes would both have a lease in memory
    if (this.#isShared) return this.#store.lease(name, ttlMs)
    return this.#queue.run(name, () =>
      this.#orInMemory(
        () => this.#store.lease(name, ttlMs),
        async () => {
          const lease = await this.#memory.lease(name, ttlMs)
          return lease && { ...lease, fence: lease.fence + memoryBase }
        },
      ),
    )
  }

  increment(key: string, by: number, options?: CountOptions): Promise<number> {
    return this.#queue.run(key, () =>
      this.#orInMemory(
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

  /** The values in memory come last, because they are newer. */
  async *entries(): AsyncGenerator<StateEntry> {
    yield* this.#store.entries()
    yield* this.#memory.entries()
  }

  problem(): StoreProblem | undefined {
    return this.#store.problem()
  }

  async close(): Promise<void> {
    await this.#flush()
    this.#timer?.stop()
    await this.#store.close()
  }

  async #orInMemory<T>(store: () => Promise<T>, memory: () => Promise<T>): Promise<T> {
    try {
      return await store()
    } catch (thrown) {
      if (!(thrown instanceof ChatError) || thrown.reason !== 'unavailable') throw thrown
      return memory()
    }
  }

  async #get(key: string): Promise<StoredValue | undefined> {
    const entry = await this.#memory.get(key)
    return entry ? { ...entry, version: entry.version + memoryBase } : this.#store.get(key)
  }

  /** Compares and writes in memory, after the storage has failed to do it. */
  async #compareUnread(key: string, expected: number, write: MemoryWrite): Promise<number | undefined> {
    if (this.#isShared) {
      // the version is compared when the value is written
      this.#unwritten.sent(key, write.value)
      const { lease } = write.options
      return this.#compareInMemory(key, 0, { ...write, condition: { expected, ...(lease && { lease }) } })
    }
    const isCurrent = ((await this.#store.get(key))?.version ?? 0) === expected
    return isCurrent ? this.#compareInMemory(key, 0, write) : undefined
  }

  async #compareInMemory(
    key: string,
    expected: number,
    { value, options, condition }: MemoryWrite,
  ): Promise<number | undefined> {
    const version = await this.#memory.compareAndSet(key, expected, value, forMemory(options))
    if (version === undefined) return undefined
    const { lease } = options
    this.#unwritten.add(
      key,
      options,
      condition ?? (this.#isShared ? { expected: 0, ...(lease && { lease }) } : undefined),
    )
    this.#flushLater()
    return version + memoryBase
  }

  /** Tries to write the value in memory, because another process may have written a newer one. */
  async #settle(key: string): Promise<void> {
    if (!this.#isShared || !this.#unwritten.has(key)) return
    await this.#orInMemory(
      () => this.#flushOne(key),
      async () => undefined,
    )
  }

  #flushLater(): void {
    if (this.#timer) return
    this.#timer = this.#runtime.timers.set(this.#isShared ? flushMs.shared : flushMs.own, () => void this.#flush(), {
      isBackground: true,
    })
  }

  #deleteFromMemory(key: string): Promise<string | undefined> {
    this.#unwritten.delete(key)
    return this.#memory.take(key)
  }

  /** Writes the values in memory, until one still cannot be written. */
  async #flush(): Promise<void> {
    this.#timer = undefined
    try {
      await this.#queue.drained()
      for (const key of this.#unwritten.keys()) await this.#queue.run(key, () => this.#flushOne(key))
      for (const key of this.#counters.unwritten()) await this.#queue.run(key, () => this.#counters.flush(key))
    } catch {
      this.#flushLater()
    }
  }

  async #flushOne(key: string): Promise<void> {
    const entry = await this.#memory.get(key)
    if (entry) await this.#unwritten.write(key, entry.value)
    await this.#deleteFromMemory(key)
  }
}
