import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Breaker, type Probe } from './breaker.ts'

const fail = (breaker: Breaker, now: number, times = 1) => {
  for (let time = 0; time < times; time++) breaker.noteFailure(now, 0)
}

/** Fails the probe of an ejected breaker. */
const failProbe = (breaker: Breaker, now: number) => {
  expect(breaker.takeProbe(now)).toBeDefined()
  fail(breaker, now)
}

test('P20: the fifth failure in a row ejects for 30 s, and each failed probe for 30 s more, up to 300 s', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 4)
  expect(breaker.standing(0)).toBe('mistrusted')
  fail(breaker, 0)
  expect([breaker.standing(0), breaker.ejectedForMs(0)]).toEqual(['open', 30_000])
  const lengths: number[] = []
  for (let now = 30_000; lengths.length < 11; ) {
    expect(breaker.standing(now - 1)).toBe('open')
    failProbe(breaker, now)
    lengths.push(breaker.ejectedForMs(now) / 1_000)
    now += breaker.ejectedForMs(now)
  }
  expect(lengths).toEqual([60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
})

test('a success between them ends a row of failures', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 4)
  breaker.noteSuccess(0)
  fail(breaker, 0, 4)
  expect(breaker.isEjected).toBe(false)
})

test('an ejection is shorter by up to a tenth', () => {
  const breaker = new Breaker()
  for (let failure = 0; failure < 5; failure++) breaker.noteFailure(0, 0.999)
  expect(breaker.ejectedForMs(0)).toBeCloseTo(27_003)
})

test('one probe at a time; its first event ends the ejection, and then one failure ejects for longer', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 5)
  expect(breaker.takeProbe(29_999)).toBeUndefined()
  expect(breaker.standing(30_000)).toBe('good')
  const probe = breaker.takeProbe(30_000)
  expect([breaker.standing(30_000), breaker.takeProbe(30_000)]).toEqual(['open', undefined])
  expect(probe?.noteBegun(31_000)).toBe(true)
  expect([breaker.isEjected, breaker.standing(31_000)]).toEqual([false, 'good'])
  fail(breaker, 32_000)
  expect(breaker.ejectedForMs(32_000)).toBe(60_000)
})

test('a probe that its client leaves makes place for another one', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 5)
  breaker.takeProbe(30_000)?.release()
  expect(breaker.takeProbe(30_000)).toBeDefined()
})

test('the end of an old probe does not release a new one', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 5)
  const old = breaker.takeProbe(30_000)
  old?.noteBegun(30_000)
  fail(breaker, 30_000)
  expect(breaker.takeProbe(90_000)).toBeDefined()
  old?.release()
  expect([breaker.takeProbe(90_000), old?.noteBegun(90_000)]).toEqual([undefined, false])
})

test('an early probe that fails changes nothing, and one that answers ends the ejection', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 5)
  breaker.probeEarly(1_000)
  failProbe(breaker, 1_000)
  expect(breaker.ejectedForMs(1_000)).toBe(29_000)
  breaker.probeEarly(2_000)
  breaker.takeProbe(2_000)
  breaker.noteSuccess(2_500)
  expect([breaker.isEjected, breaker.standing(2_500)]).toEqual([false, 'good'])
})

test('ejections long ago do not lengthen the next one', () => {
  const breaker = new Breaker()
  fail(breaker, 0, 5)
  failProbe(breaker, 30_000)
  breaker.takeProbe(90_000)
  breaker.noteSuccess(90_000)
  expect(breaker.isLikeNew(149_999)).toBe(false)
  expect(breaker.isLikeNew(150_000)).toBe(true)
  fail(breaker, 130_000, 5)
  expect(breaker.ejectedForMs(130_000)).toBe(60_000)
})

describe('the share of failures', () => {
  const half = (breaker: Breaker, now: number, answers: number) => {
    for (let answer = 0; answer < answers; answer += 2) {
      fail(breaker, now)
      breaker.noteSuccess(now)
    }
  }

  test('at half of ten answers or more it is asked last, and is never ejected', () => {
    const breaker = new Breaker()
    half(breaker, 0, 8)
    expect(breaker.standing(0)).toBe('good')
    half(breaker, 0, 1_000)
    expect([breaker.standing(0), breaker.isEjected]).toEqual(['mistrusted', false])
  })

  test('is forgotten after a minute', () => {
    const breaker = new Breaker()
    half(breaker, 0, 20)
    expect(breaker.standing(59_999)).toBe('mistrusted')
    expect(breaker.standing(60_000)).toBe('good')
  })
})

/** The rules in their plainest form: it keeps the whole history. */
class PlainBreaker {
  readonly outcomes: ('failure' | 'success')[] = []
  ejection: { from: number; until: number; length: number; isProbing: boolean } | undefined

  admits(now: number): 'passes' | 'probe' | 'refused' {
    if (!this.ejection) return 'passes'
    return this.ejection.isProbing || now < this.ejection.from ? 'refused' : 'probe'
  }

  get failuresInARow(): number {
    return this.outcomes.length - 1 - this.outcomes.lastIndexOf('success')
  }
}

test('it does the same as the plain rules for all histories, and never lets two probes run', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('fails', 'answers', 'leaves', 'begins and fails') }),
    fc.record({ kind: fc.constant('waits'), ms: fc.integer({ min: 0, max: 200_000 }) }),
    fc.record({ kind: fc.constant('hint') }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const breaker = new Breaker()
      const plain = new PlainBreaker()
      let [now, ejections, closedAt] = [0, 0, 0]
      const eject = () => {
        const isNew = !plain.ejection
        ejections = Math.min(10, Math.max(0, ejections - (isNew ? Math.floor((now - closedAt) / 30_000) : 0)) + 1)
        const until = now + ejections * 30_000
        plain.ejection = { from: until, until, length: ejections, isProbing: false }
      }
      const close = () => {
        if (plain.ejection) closedAt = now
        plain.ejection = undefined
      }
      const failPlain = () => {
        plain.outcomes.push('failure')
        if (plain.ejection && now < plain.ejection.until) {
          plain.ejection = { ...plain.ejection, from: plain.ejection.until, isProbing: false }
        } else if (plain.failuresInARow >= 5) eject()
      }
      for (const { kind, ...rest } of steps) {
        if ('ms' in rest) now += rest.ms
        if (kind === 'hint') {
          breaker.probeEarly(now)
          if (plain.ejection) plain.ejection.from = Math.min(plain.ejection.from, now)
        }
        const admitted = plain.admits(now)
        expect(breaker.standing(now) === 'open').toBe(admitted === 'refused')
        if (kind === 'waits' || kind === 'hint' || admitted === 'refused') continue
        const probe: Probe | undefined = breaker.takeProbe(now)
        expect(probe !== undefined).toBe(admitted === 'probe')
        if (probe) expect(breaker.takeProbe(now)).toBeUndefined()
        if (plain.ejection) plain.ejection.isProbing = true
        if (kind === 'begins and fails') {
          probe?.noteBegun(now)
          if (plain.ejection) {
            close()
            while (plain.failuresInARow < 4) plain.outcomes.push('failure')
            while (plain.failuresInARow > 4) plain.outcomes.push('success', 'failure', 'failure', 'failure', 'failure')
          }
        }
        if (kind === 'answers') {
          breaker.noteSuccess(now)
          close()
          plain.outcomes.push('success')
        } else if (kind !== 'leaves') {
          breaker.noteFailure(now, 0)
          failPlain()
        }
        probe?.release()
        if (plain.ejection) plain.ejection.isProbing = false
        expect(breaker.isEjected).toBe(plain.ejection !== undefined)
        expect(breaker.ejectedForMs(now)).toBe(Math.max(0, (plain.ejection?.from ?? 0) - now))
      }
    }),
    { numRuns: 500 },
  )
})
