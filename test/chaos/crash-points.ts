import type { Renewal } from '../../src/accounts/account.ts'
import type { Store } from '../../src/state/store.ts'

/** The moments of a renewal at which a process can die, in their order. */
export const moments = [
  'before the lease',
  'after the lease',
  'after the intent',
  'after the service',
  'before it is kept',
  'after it was kept',
  'after all',
] as const

export type Moment = (typeof moments)[number]

/** Called at each moment. If it does not return, the process has died. */
export type At = (moment: Moment) => Promise<void>

/** Wraps a store so that it reports the moments of a renewal. */
export function crashingStore(store: Store, at: At): Store {
  return {
    get: (key) => store.get(key),
    put: (key, value, options) => store.put(key, value, options),
    take: (key) => store.take(key),
    delete: (key) => store.delete(key),
    keys: (prefix, limit) => store.keys(prefix, limit),
    increment: (key, by, options) => store.increment(key, by, options),
    entries: () => store.entries(),
    notify: (channel, text) => store.notify(channel, text),
    listen: (channel, listener) => store.listen(channel, listener),
    problem: () => store.problem(),
    close: () => store.close(),
    async lease(name, ttlMs) {
      await at('before the lease')
      const lease = await store.lease(name, ttlMs)
      await at('after the lease')
      return lease && { ...lease, release: () => lease.release().finally(() => at('after all')) }
    },
    async compareAndSet(key, expected, value, options) {
      const { isOpen, dead } = JSON.parse(value)
      const isIntent = isOpen && !dead
      if (!isIntent) await at('before it is kept')
      const version = await store.compareAndSet(key, expected, value, options)
      await at(isIntent ? 'after the intent' : 'after it was kept')
      return version
    },
  }
}

/** Wraps a renewal so that it reports the moment of its reply. */
export function crashingRenewal<Credential>(renewal: Renewal<Credential>, at: At): Renewal<Credential> {
  return {
    ...renewal,
    renew: (credential, signal) => renewal.renew(credential, signal).finally(() => at('after the service')),
  }
}

/** Returns numbers from 0 to 1 for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Milliseconds for which every rule accepts a replaced token once more. */
const reuseIntervalMs = 10_000

/**
 * Follows what the service may have done that was not stored. So the test knows in advance whether the rule still accepts
 * the next renewal.
 */
export class Forgiveness {
  readonly #isStrict: boolean
  #lostAt: number | undefined
  isLost = false
  /** Whether a renewal was begun and is not known to have ended. The next process must finish it first. */
  isOpen = false

  constructor(rule: string) {
    this.#isStrict = rule === 'strict'
  }

  /** @param diedAt undefined if the renewal ended */
  renewed(now: number, diedAt?: Moment): void {
    if (diedAt === 'before the lease' || diedAt === 'after the lease') return
    this.isOpen = diedAt === 'after the intent' || diedAt === 'after the service' || diedAt === 'before it is kept'
    if (diedAt === 'after the intent') return
    if (this.#isStrict && this.#lostAt !== undefined && now - this.#lostAt > reuseIntervalMs) this.isLost = true
    this.#lostAt = this.isOpen ? (this.#lostAt ?? now) : undefined
  }
}
