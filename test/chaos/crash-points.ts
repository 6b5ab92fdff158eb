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

/** Called at each moment; what does not return is the end. */
export type At = (moment: Moment) => Promise<void>

/** A store that tells of the moments it is asked at. */
export function crashingStore(store: Store, at: At): Store {
  return {
    get: (key) => store.get(key),
    put: (key, value, options) => store.put(key, value, options),
    take: (key) => store.take(key),
    delete: (key) => store.delete(key),
    keys: (prefix, limit) => store.keys(prefix, limit),
    increment: (key, by, options) => store.increment(key, by, options),
    notify: (channel, text) => store.notify(channel, text),
    listen: (channel, listener) => store.listen(channel, listener),
    problem: () => store.problem(),
    close: () => store.close(),
    async lease(name, ttlMs) {
      await at('before the lease')
      const lease = await store.lease(name, ttlMs)
      await at('after the lease')
      return lease && { fence: lease.fence, release: () => lease.release().finally(() => at('after all')) }
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

/** A renewal whose reply may be the last that is heard. */
export function crashingRenewal<Credential>(renewal: Renewal<Credential>, at: At): Renewal<Credential> {
  return {
    ...renewal,
    renew: (credential, signal) => renewal.renew(credential, signal).finally(() => at('after the service')),
  }
}

/** Numbers from 0 to 1 that a seed says (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Milliseconds for which every rule forgives that a replaced token comes again. */
const reuseIntervalMs = 10_000

/**
 * What the service may have done that nobody kept, as the moments say: so it is known in advance whether the rule still
 * forgives the next renewal.
 */
export class Forgiveness {
  readonly #isStrict: boolean
  #lostAt: number | undefined
  isLost = false
  /** Whether a renewal was begun that is not known to have ended: the next process has to end it first of all. */
  isOpen = false

  constructor(rule: string) {
    this.#isStrict = rule === 'strict'
  }

  /** @param diedAt undefined where the renewal came to its end */
  renewed(now: number, diedAt?: Moment): void {
    if (diedAt === 'before the lease' || diedAt === 'after the lease') return
    this.isOpen = diedAt === 'after the intent' || diedAt === 'after the service' || diedAt === 'before it is kept'
    if (diedAt === 'after the intent') return
    if (this.#isStrict && this.#lostAt !== undefined && now - this.#lostAt > reuseIntervalMs) this.isLost = true
    this.#lostAt = this.isOpen ? (this.#lostAt ?? now) : undefined
  }
}
