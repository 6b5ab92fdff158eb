import type { Runtime } from '../../flow/runtime.ts'
import { checkKey, checkValue } from '../bounds.ts'
import { Notices } from '../notices.ts'
import type {
  CountOptions,
  Lease,
  LeaseClaim,
  NoticeListener,
  StateEntry,
  Store,
  StoredValue,
  WriteOptions,
} from '../store.ts'
import { Counters } from './counters.ts'
import { MemoryLeases } from './memory-leases.ts'
import { RecentlyUsed } from './recently-used.ts'

export interface MemoryStoreOptions {
  readonly runtime: Pick<Runtime, 'now'>
  /** Above this number of values, or of counters, the least recently used ones are deleted. */
  readonly maxEntries?: number
  /**
   * Above this number of bytes, the least recently used values are deleted. A character counts two, and an entry some
   * more.
   */
  readonly maxBytes?: number
}

/** A store in the memory of the process. Only the time of `keys` grows with the number of its values. */
export class MemoryStore implements Store {
  readonly #now: () => number
  readonly #entries: RecentlyUsed<StoredValue>
  readonly #counters: Counters
  readonly #leases: MemoryLeases
  readonly #notices = new Notices()
  #lastVersion = 0

  constructor({ runtime, maxEntries = 100_000, maxBytes = 64 * 1024 * 1024 }: MemoryStoreOptions) {
    const now = () => runtime.now()
    this.#now = now
    this.#entries = new RecentlyUsed({ maxEntries, maxBytes }, now)
    this.#counters = new Counters(now, maxEntries)
    this.#leases = new MemoryLeases(now)
  }

  async get(key: string): Promise<StoredValue | undefined> {
    checkKey(key)
    return this.#entries.use(key)?.value
  }

  async put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    checkKey(key)
    checkValue(value)
    this.#write(key, value, options)
  }

  async compareAndSet(
    key: string,
    expected: number,
    value: string,
    options: WriteOptions & { readonly lease?: LeaseClaim } = {},
  ): Promise<number | undefined> {
    checkKey(key)
    checkValue(value)
    const { lease } = options
    if (lease && !this.#leases.isNewest(lease.name, lease.fence)) return undefined
    if ((this.#entries.peek(key)?.value.version ?? 0) !== expected) return undefined
    return this.#write(key, value, options)
  }

  async take(key: string): Promise<string | undefined> {
    checkKey(key)
    const entry = this.#entries.peek(key)
    this.#entries.delete(key)
    return entry?.value.value
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    this.#entries.delete(key)
  }

  async keys(prefix: string, limit: number): Promise<readonly string[]> {
    checkKey(prefix)
    return this.#entries
      .keys()
      .filter((key) => key.startsWith(prefix))
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .slice(0, limit)
      .map(({ key }) => key)
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkKey(name)
    return this.#leases.take(name, ttlMs)
  }

  async increment(key: string, by: number, options?: CountOptions): Promise<number> {
    return this.#counters.add(key, by, options)
  }

  async notify(channel: string, text: string): Promise<void> {
    this.#notices.notify(channel, text)
  }

  async listen(channel: string, listener: NoticeListener): Promise<() => void> {
    return this.#notices.listen(channel, listener)
  }

  async *entries(): AsyncGenerator<StateEntry> {
    for (const key of this.#entries.keys()) {
      const entry = this.#entries.peek(key)
      if (entry) yield { kind: 'value', key, value: entry.value.value, ...this.#rest(entry.expiresAt) }
    }
    for (const key of this.#counters.keys()) {
      const counter = this.#counters.peek(key)
      if (counter) yield { kind: 'counter', key, value: String(counter.value), ...this.#rest(counter.expiresAt) }
    }
  }

  #rest(expiresAt: number): WriteOptions {
    return Number.isFinite(expiresAt) ? { ttlMs: expiresAt - this.#now() } : {}
  }

  problem(): undefined {
    return undefined
  }

  async close(): Promise<void> {
    this.#entries.clear()
    this.#counters.clear()
    this.#leases.clear()
    this.#notices.close()
  }

  #write(key: string, value: string, { ttlMs = Number.POSITIVE_INFINITY }: WriteOptions): number {
    const version = ++this.#lastVersion
    const expiresAt = this.#now() + ttlMs
    this.#entries.set(key, { value, version }, { characters: value.length, expiresAt })
    return version
  }
}
