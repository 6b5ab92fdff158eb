interface SizeBounds {
  readonly maxEntries: number
  /** Estimated with two bytes for each character and `entryBytes` for each entry. */
  readonly maxBytes: number
}

interface BoundedEntry<Value> {
  readonly value: Value
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** The bytes that an entry takes besides its characters. */
const entryBytes = 128

/** A map with bounds. When it is full, the least recently used entries are deleted. */
export class RecentlyUsed<Value> {
  readonly #bounds: SizeBounds
  readonly #now: () => number
  /** The least recently used entry comes first. */
  readonly #entries = new Map<string, BoundedEntry<Value>>()
  #bytes = 0

  constructor(bounds: SizeBounds, now: () => number) {
    this.#bounds = bounds
    this.#now = now
  }

  /** The entry of a key, if it has not ended. */
  peek(key: string): BoundedEntry<Value> | undefined {
    const entry = this.#entries.get(key)
    if (!entry || entry.expiresAt > this.#now()) return entry
    this.delete(key)
    return undefined
  }

  /** Like `peek`, but marks the entry as recently used. */
  use(key: string): BoundedEntry<Value> | undefined {
    const entry = this.peek(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  /** @param characters the characters of the value, without its key */
  set(key: string, value: Value, { characters, expiresAt }: { characters: number; expiresAt: number }): void {
    this.delete(key)
    const bytes = entryBytes + 2 * (key.length + characters)
    this.#entries.set(key, { value, bytes, expiresAt })
    this.#bytes += bytes
    this.#shrink()
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  /** The keys of the entries that have not ended, in no particular order. */
  keys(): readonly string[] {
    return [...this.#entries.keys()].filter((key) => this.peek(key))
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #shrink(): void {
    const { maxEntries, maxBytes } = this.#bounds
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) return
      this.delete(key)
    }
  }
}
