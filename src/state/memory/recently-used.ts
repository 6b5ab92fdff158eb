interface SizeBounds {
  readonly maxEntries: number
  /** Roughly: two bytes a character, and what an entry costs itself. */
  readonly maxBytes: number
}

interface BoundedEntry<Value> {
  readonly value: Value
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What an entry takes besides its characters. */
const entryBytes = 128

/** A bounded map: when it is full, the entries go that were not used for the longest time. */
export class RecentlyUsed<Value> {
  readonly #bounds: SizeBounds
  readonly #now: () => number
  /** The entry that was not used for the longest time comes first. */
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

  /** The same, and counts as a use of the entry. */
  use(key: string): BoundedEntry<Value> | undefined {
    const entry = this.peek(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  /** @param characters of the value, its key apart */
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
