import { checkKey, checkValue } from '../bounds.ts'
import { type Lease, type LeaseClaim, leaseMemoryMs, type Store, type Stored, type WriteOptions } from '../store.ts'

export interface MemoryStoreOptions {
  /** Of more than these the ones go that were longest neither read nor written. */
  readonly maxEntries?: number
  /** The same for what they take, roughly: two bytes a character, and what an entry costs itself. */
  readonly maxBytes?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface Entry extends Stored {
  readonly expiresAt: number
  readonly bytes: number
}

interface HeldLease {
  readonly fence: number
  readonly expiresAt: number
  /** Whoever had it gave it back: no clock makes it theirs again. */
  readonly isReleased: boolean
}

/** What an entry takes besides its characters. */
const entryBytes = 128

/** A store that dies with the process. Every operation but `keys` takes the same time however much it holds. */
export class MemoryStore implements Store {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #now: () => number
  /** The one that was not used for the longest time comes first. */
  readonly #entries = new Map<string, Entry>()
  /** The one that was taken first comes first. */
  readonly #leases = new Map<string, HeldLease>()
  #bytes = 0
  #lastVersion = 0
  #lastFence = 0

  constructor({ maxEntries = 100_000, maxBytes = 64 * 1024 * 1024, now = Date.now }: MemoryStoreOptions = {}) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#now = now
  }

  async get(key: string): Promise<Stored | undefined> {
    checkKey(key)
    const entry = this.#live(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return { value: entry.value, version: entry.version }
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
    if (lease && this.#leases.get(lease.name)?.fence !== lease.fence) return undefined
    if ((this.#live(key)?.version ?? 0) !== expected) return undefined
    return this.#write(key, value, options)
  }

  async take(key: string): Promise<string | undefined> {
    checkKey(key)
    const entry = this.#live(key)
    this.#drop(key)
    return entry?.value
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    this.#drop(key)
  }

  async keys(prefix: string, limit: number): Promise<readonly string[]> {
    checkKey(prefix)
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix) && this.#live(key))
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .slice(0, limit)
      .map(({ key }) => key)
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkKey(name)
    this.#forgetLeases()
    const held = this.#leases.get(name)
    if (held && !held.isReleased && held.expiresAt > this.#now()) return undefined
    const fence = ++this.#lastFence
    this.#leases.delete(name)
    this.#leases.set(name, { fence, expiresAt: this.#now() + ttlMs, isReleased: false })
    return { fence, release: async () => this.#release(name, fence) }
  }

  problem(): undefined {
    return undefined
  }

  async close(): Promise<void> {
    this.#entries.clear()
    this.#leases.clear()
    this.#bytes = 0
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (!entry || entry.expiresAt > this.#now()) return entry
    this.#drop(key)
    return undefined
  }

  #write(key: string, value: string, { ttlMs = Number.POSITIVE_INFINITY }: WriteOptions): number {
    this.#drop(key)
    const version = ++this.#lastVersion
    const bytes = entryBytes + 2 * (key.length + value.length)
    this.#entries.set(key, { value, version, bytes, expiresAt: this.#now() + ttlMs })
    this.#bytes += bytes
    this.#shrink()
    return version
  }

  #shrink(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return
      this.#drop(key)
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  #release(name: string, fence: number): void {
    const held = this.#leases.get(name)
    if (held?.fence !== fence) return
    this.#leases.set(name, { fence, expiresAt: Math.min(held.expiresAt, this.#now()), isReleased: true })
  }

  /** Two at a time are enough for the number not to grow: each new lease is one. */
  #forgetLeases(): void {
    for (const [name, { expiresAt }] of [...this.#leases.entries().take(2)])
      if (expiresAt + leaseMemoryMs <= this.#now()) this.#leases.delete(name)
  }
}
