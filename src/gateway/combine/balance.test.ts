import { describe, expect, test } from 'bun:test'
import { seeded } from '../../flow/seeded.double.ts'
import { inBalance, type Weighed } from './balance.ts'
import { CandidateTimes } from './response-times.ts'

interface Simulated {
  /** Milliseconds until the first event; `down` for a failure at once. */
  readonly ms: number | 'down'
  readonly weight?: number
}

/** How many of the requests each member gets, in percent, after a first minute. */
function sharesOf(
  members: readonly Simulated[],
  { everyMs = 100, answerMs = 0, seed = 1, requests = 4_000, warmUp = 600 } = {},
): readonly number[] {
  const random = seeded(seed)
  let now = 0
  const simulated = members.map(({ ms, weight = 1 }) => ({
    ms,
    weight,
    times: new CandidateTimes(() => now),
    asked: 0,
  }))
  let events: { at: number; run: () => void }[] = []
  for (let at = 0; at < warmUp + requests; at++) {
    const arrival = at * everyMs
    for (const event of events.sort((a, b) => a.at - b.at)) {
      if (event.at > arrival) break
      now = event.at
      event.run()
    }
    events = events.filter((event) => event.at > arrival)
    now = arrival
    const [first] = inBalance(simulated, random)
    if (!first) continue
    if (at >= warmUp) first.asked++
    if (first.ms === 'down') {
      first.times.measureFailure(1)
      continue
    }
    // the times of models vary by about a third from answer to answer
    const took = first.ms * (0.7 + 0.6 * random())
    first.times.running++
    events.push({ at: arrival + took, run: () => first.times.measure(took) })
    events.push({ at: arrival + took + answerMs, run: () => first.times.running-- })
  }
  return simulated.map(({ asked }) => Math.round((asked / requests) * 1_000) / 10)
}

/** Whether a share is as expected, for each of several seeds. */
function expectShares(
  members: readonly Simulated[],
  expected: readonly (readonly [min: number, max: number])[],
  options = {},
) {
  for (const seed of [1, 2, 3]) {
    const shares = sharesOf(members, { ...options, seed })
    const isRight = shares.map((share, at) => share >= (expected[at]?.[0] ?? 0) && share <= (expected[at]?.[1] ?? 0))
    expect({ seed, shares, isRight }).toEqual({ seed, shares, isRight: members.map(() => true) })
  }
}

describe('of members that are equally quick', () => {
  test('each gets as many requests', () =>
    expectShares(
      [{ ms: 100 }, { ms: 100 }],
      [
        [47, 53],
        [47, 53],
      ],
    ))

  test('each gets its weight, on a quiet gateway', () => {
    expectShares(
      [{ ms: 100, weight: 3 }, { ms: 100 }],
      [
        [71, 79],
        [21, 29],
      ],
    )
    expectShares(
      [{ ms: 100, weight: 2 }, { ms: 100 }, { ms: 100 }],
      [
        [44, 53],
        [22, 29],
        [22, 29],
      ],
    )
  })

  test('each gets its weight when a hundred answers are read at once', () =>
    expectShares(
      [{ ms: 500, weight: 3 }, { ms: 500 }],
      [
        [71, 79],
        [21, 29],
      ],
      { everyMs: 50, answerMs: 5_000 },
    ))
})

describe('a quicker member', () => {
  test('gets nearly all requests, and the slow one enough to be measured again', () => {
    expectShares(
      [{ ms: 100 }, { ms: 500 }],
      [
        [95, 99],
        [1, 5],
      ],
    )
    expectShares(
      [{ ms: 100 }, { ms: 500, weight: 3 }],
      [
        [95, 99],
        [1, 5],
      ],
    )
    expectShares(
      [{ ms: 100 }, { ms: 300 }, { ms: 2_000 }],
      [
        [60, 70],
        [29, 38],
        [0.5, 3],
      ],
    )
  })

  test('gets them also with one request a minute', () =>
    expectShares(
      [{ ms: 100 }, { ms: 500 }],
      [
        [90, 96],
        [4, 10],
      ],
      { everyMs: 60_000, requests: 400, warmUp: 60 },
    ))

  test('gives some away while it has many answers to write', () =>
    expectShares(
      [{ ms: 200 }, { ms: 400 }],
      [
        [52, 68],
        [32, 48],
      ],
      { everyMs: 50, answerMs: 5_000 },
    ))
})

test('a member that fails at once counts as slow, and is asked again now and then', () =>
  expectShares(
    [{ ms: 100 }, { ms: 'down' }],
    [
      [99, 99.95],
      [0.05, 1],
    ],
  ))

test('a member without a measure is expected to take as long as the others', () => {
  let now = 0
  const measured = (ms: number) => {
    const times = new CandidateTimes(() => now)
    times.measure(ms)
    return { weight: 1, times }
  }
  const [quick, unknown, slow] = [measured(100), { weight: 1, times: new CandidateTimes(() => now) }, measured(900)]
  // the one that is drawn first wins, unless the other is quicker
  const firstOf = (members: readonly Weighed[], chance: number) => inBalance(members, () => chance)[0]
  expect(firstOf([quick, unknown, measured(200)], 0.4)).toBe(quick)
  expect(firstOf([slow, unknown, measured(800)], 0)).toBe(slow)
  expect(firstOf([slow, measured(200), unknown], 0)).not.toBe(slow)
  const idle = measured(900)
  now += 60_000
  // no request has passed it by, so it does not seem quicker
  expect(idle.times.expectedMs).toBe(900)
})

test('a slow answer counts at once, and is forgotten when others come', () => {
  let now = 0
  const times = new CandidateTimes(() => now)
  times.measure(100)
  times.measure(2_000)
  expect(times.expectedMs).toBe(2_000)
  now += 10_000
  times.measure(100)
  expect(times.expectedMs).toBeCloseTo(2_000 / Math.E + 100 * (1 - 1 / Math.E))
  for (let answer = 0; answer < 5; answer++) {
    now += 10_000
    times.measure(100)
  }
  expect(times.expectedMs).toBeLessThan(110)
})

test('every member is in the order once', () => {
  const members = Array.from({ length: 7 }, (_, at) => ({ weight: at + 0.5, times: new CandidateTimes(() => 0) }))
  const random = seeded(4)
  for (let round = 0; round < 100; round++) expect(new Set(inBalance(members, random))).toEqual(new Set(members))
})
