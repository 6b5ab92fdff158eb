import { describe, expect, test } from 'bun:test'
import { callerOf, type HashedKey } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { machine } from '../../wire/machine.double.ts'
import { Keys } from './authenticate.ts'

const right = 'sk-timing-0123456789abcdef0123456789abcdef'
const clock = (now: () => number) => ({ now, randomBytes: machine.randomBytes })
const bearer = (key: string) => new Headers({ authorization: `Bearer ${key}` })

const keyOf = (value: string) => ({ secret: new Secret(value), role: 'client' as const })

/** Returns the reason of a refusal, or `in`. */
function verdict(keys: Keys, headers: Headers, address = '10.0.0.1'): string {
  try {
    keys.check(headers, address)
    return 'in'
  } catch (thrown) {
    return thrown instanceof ChatError ? thrown.reason : 'no ChatError'
  }
}

describe('keys', () => {
  test('are accepted in each of the three headers', () => {
    const keys = new Keys(
      [keyOf(right), keyOf('sk-other-0123456789')],
      clock(() => 0),
    )
    expect(verdict(keys, bearer(right))).toBe('in')
    expect(verdict(keys, bearer('sk-other-0123456789'))).toBe('in')
    expect(verdict(keys, new Headers({ 'x-api-key': right }))).toBe('in')
    expect(verdict(keys, new Headers({ 'api-key': right }))).toBe('in')
    expect(verdict(keys, bearer('sk-wrong'))).toBe('forbidden')
    expect(verdict(keys, new Headers())).toBe('unauthorized')
  })

  test('are not needed if none is configured', () => {
    expect(
      new Keys(
        [],
        clock(() => 0),
      ).isOpen,
    ).toBe(true)
    expect(
      verdict(
        new Keys(
          [],
          clock(() => 0),
        ),
        new Headers(),
      ),
    ).toBe('in')
  })
})

test('nobody comes in before the keys of the state were read, even if no other is configured', () => {
  let tell = (_: readonly HashedKey[]): void => undefined
  const changing = {
    watch(listener: (keys: readonly HashedKey[]) => void) {
      tell = listener
      return () => {
        tell = () => undefined
      }
    },
    noteExpired: () => undefined,
  }
  const keys = new Keys(
    [],
    clock(() => 0),
    changing,
  )
  expect([keys.isOpen, verdict(keys, new Headers()), verdict(keys, bearer(right))]).toEqual([
    false,
    'unavailable',
    'unavailable',
  ])
  tell([])
  expect([keys.isOpen, verdict(keys, new Headers())]).toEqual([true, 'in'])
  // those of a former configuration are not told any more
  keys.close()
  tell([{ hash: Bun.SHA256.hash(right, 'hex'), caller: callerOf(keyOf(right)) }])
  expect(keys.isOpen).toBe(true)
})

describe('item 19: guessing', () => {
  test('is blocked for an address after a hundred wrong keys within a minute, until that minute ends', () => {
    let now = 0
    const keys = new Keys(
      [keyOf(right)],
      clock(() => now),
    )
    for (let guess = 0; guess < 100; guess++) expect(verdict(keys, bearer(`sk-${guess}`))).toBe('forbidden')
    now = 59_999
    expect(verdict(keys, bearer('sk-one-more'))).toBe('too-many-attempts')
    expect(verdict(keys, bearer('sk-one-more'), '10.0.0.2')).toBe('forbidden')
    now = 60_000
    expect(verdict(keys, bearer('sk-one-more'))).toBe('forbidden')
  })

  test('does not lock out a right key', () => {
    const keys = new Keys(
      [keyOf(right)],
      clock(() => 0),
    )
    for (let guess = 0; guess < 150; guess++) verdict(keys, bearer('sk-wrong'))
    expect(verdict(keys, bearer('sk-wrong'))).toBe('too-many-attempts')
    expect(verdict(keys, bearer(right))).toBe('in')
    expect(verdict(keys, new Headers({ authorization: 'Bearer sk-wrong', 'api-key': right }))).toBe('in')
    expect(verdict(keys, bearer('sk-wrong'))).toBe('too-many-attempts')
  })

  test('tells how long to wait', () => {
    let now = 0
    const keys = new Keys(
      [keyOf(right)],
      clock(() => now),
    )
    for (let guess = 0; guess < 100; guess++) verdict(keys, bearer('sk-wrong'))
    now = 20_000
    expect(() => keys.check(bearer('sk-wrong'), '10.0.0.1')).toThrow(expect.objectContaining({ retryAfterMs: 40_000 }))
  })

  test('is not counted for a missing or a right key', () => {
    const keys = new Keys(
      [keyOf(right)],
      clock(() => 0),
    )
    for (let at = 0; at < 200; at++) {
      expect(verdict(keys, new Headers())).toBe('unauthorized')
      expect(verdict(keys, bearer(right))).toBe('in')
    }
  })

  test('needs bounded memory: the first address is forgotten after 10,000 others', () => {
    const keys = new Keys(
      [keyOf(right)],
      clock(() => 0),
    )
    for (let guess = 0; guess < 100; guess++) verdict(keys, bearer('sk-wrong'), 'first')
    expect(verdict(keys, bearer('sk-wrong'), 'first')).toBe('too-many-attempts')
    for (let other = 0; other < 10_000; other++) verdict(keys, bearer('sk-wrong'), `other-${other}`)
    expect(verdict(keys, bearer('sk-wrong'), 'first')).toBe('forbidden')
  })
})

/**
 * Mean, variance and count of the samples below the 90th percentile. Garbage collection and scheduling cause the
 * others.
 */
function moments(samples: readonly number[]): { mean: number; variance: number; count: number } {
  const kept = samples.toSorted((a, b) => a - b).slice(0, Math.floor(samples.length * 0.9))
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length
  const variance = kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (kept.length - 1)
  return { mean, variance, count: kept.length }
}

/** Returns Welch's t of each two classes of the same group. */
function everyT(groups: readonly (readonly (readonly number[])[])[]): readonly number[] {
  const pairs = groups.flatMap((classes) => {
    const all = classes.map(moments)
    return all.flatMap((a, at) => all.slice(at + 1).map((b) => [a, b] as const))
  })
  return pairs.map(([a, b]) => Math.abs(a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count))
}

/**
 * Returns the largest of the smallest t that each two classes have had. A salt decides which digests share a place in a table, and
 * such a key takes 60 ns longer. That tells nothing of the key, and another salt meets other keys; a leak shows every time.
 */
function leastOfAttempts(
  attempts: number,
  check: () => (headers: Headers) => void,
  groups: readonly string[][],
): number {
  let least = everyT(time(groups, check()))
  for (let attempt = 1; attempt < attempts && Math.max(...least) >= 4.5; attempt++) {
    const next = everyT(time(groups, check()))
    least = least.map((t, at) => Math.min(t, next[at] ?? t))
  }
  return Math.max(...least)
}

const perClass = 10_000

interface TimedClass {
  readonly headers: Headers
  /** Nanoseconds. */
  readonly samples: number[]
}

/** Puts the items into a random order without a bias, because a bias would look like a leak. */
function shuffle(items: unknown[]): void {
  for (let at = items.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    const item = items[at]
    items[at] = items[other]
    items[other] = item
  }
}

/** Measures every key `perClass` times, in rounds of random order. */
function time(groups: readonly (readonly string[])[], check: (headers: Headers) => void): number[][][] {
  const timed = groups.map((keys) => keys.map((key): TimedClass => ({ headers: bearer(key), samples: [] })))
  const order = timed.flat()
  // the first thousand runs let the compiler optimise
  for (let round = -1_000; round < perClass; round++) {
    shuffle(order)
    for (const { headers, samples } of order) {
      const startedAt = Bun.nanoseconds()
      check(headers)
      const took = Bun.nanoseconds() - startedAt
      if (round >= 0) samples.push(took)
    }
  }
  return timed.map((classes) => classes.map(({ samples }) => samples))
}

describe('P18: the time of a check', () => {
  const wrongAfter = (length: number) => right.slice(0, length) + 'x'.repeat(right.length - length)
  /**
   * Groups of wrong keys of the same length, which share much, little or nothing with the right key. Hashing takes
   * longer for a longer key (20 ns from 8 to 43 characters), but the sender knows that length anyway.
   */
  const groups = [
    [0, 1, 2, 10, 20, 30, 41].map(wrongAfter),
    [right.slice(0, 20), 'x'.repeat(20)],
    [`${right}0`, 'x'.repeat(right.length + 1)],
  ]
  // the noise of a busy machine does not show every time either
  const attempts = 20

  test('reveals nothing about the key', () => {
    let now = 0
    const newCheck = () => {
      const keys = new Keys(
        [keyOf(right), keyOf(`${right}-second`)],
        clock(() => now),
      )
      return (headers: Headers) => {
        now += 61_000
        verdict(keys, headers)
      }
    }
    expect(leastOfAttempts(attempts, newCheck, groups)).toBeLessThan(4.5)
  })

  test('would reveal a comparison letter by letter', () => {
    const leaky = (headers: Headers) => {
      const sent = headers.get('authorization')?.slice('Bearer '.length) ?? ''
      for (let at = 0; at < right.length; at++) if (sent.charCodeAt(at) !== right.charCodeAt(at)) return
    }
    expect(leastOfAttempts(attempts, () => leaky, groups)).toBeGreaterThan(4.5)
  })
})
