import { expect, test } from 'bun:test'
import { Backoff } from './backoff.ts'

function clocked(random = 0) {
  const clock = { now: 1_000_000 }
  const backoff = new Backoff({ elapsed: () => clock.now, random: () => random })
  /** For how long the failure now makes it wait. */
  const waits = () => {
    backoff.failed()
    const since = clock.now
    while (backoff.isWaiting) clock.now += 250
    return clock.now - since
  }
  return { clock, backoff, waits }
}

test('a server that fails on and on is asked less and less often, and each minute at least', () => {
  const { waits } = clocked()
  expect(Array.from({ length: 9 }, waits)).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

test('chance halves the wait at most', () => {
  const { waits } = clocked(1)
  expect(Array.from({ length: 4 }, waits)).toEqual([0, 500, 1000, 2000])
})

test('one that worked for a minute is asked again at once; one that fails as soon as it is connected is not', () => {
  const { clock, backoff, waits } = clocked()
  waits()
  waits()
  backoff.began()
  expect(waits()).toBe(2000)
  backoff.began()
  clock.now += 60_000
  expect(waits()).toBe(0)
})

test('one that misbehaved is left alone for five minutes', () => {
  const { clock, backoff } = clocked()
  backoff.misbehaved()
  clock.now += 299_999
  expect(backoff.isWaiting).toBe(true)
  clock.now += 1
  expect(backoff.isWaiting).toBe(false)
})
