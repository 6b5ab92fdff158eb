import { checkCount, checkKey } from '../bounds.ts'
import type { CountOptions } from '../store.ts'
import { RecentlyUsed } from './recently-used.ts'

/** Enough for a hundred thousand counters with names of 64 characters. */
const bounds = { maxEntries: 100_000, maxBytes: 32 * 1024 * 1024 }

/** Counters in memory. If there are too many, the least recently used ones are deleted. */
export class Counters {
  readonly #now: () => number
  readonly #counts: RecentlyUsed<number>

  constructor(now: () => number, maxEntries = bounds.maxEntries) {
    this.#now = now
    this.#counts = new RecentlyUsed({ ...bounds, maxEntries }, now)
  }

  /** @throws ChatError `invalid-request` like `Store.increment` */
  add(key: string, by: number, { ttlMs = Number.POSITIVE_INFINITY }: CountOptions = {}): number {
    checkKey(key)
    checkCount(by)
    const found = this.#counts.use(key)
    const count = (found?.value ?? 0) + by
    checkCount(count)
    if (by === 0) return count
    // if a window would end later than a new one, it was started while the clock was ahead
    const expiresAt = Math.min(found?.expiresAt ?? Number.POSITIVE_INFINITY, this.#now() + ttlMs)
    this.#counts.set(key, count, { characters: 0, expiresAt })
    return count
  }

  /** The value of a counter and the end of its window; undefined if it was never used, or its window has ended. */
  peek(key: string): { readonly value: number; readonly expiresAt: number } | undefined {
    return this.#counts.peek(key)
  }

  keys(): readonly string[] {
    return this.#counts.keys()
  }

  delete(key: string): void {
    this.#counts.delete(key)
  }

  clear(): void {
    this.#counts.clear()
  }
}
