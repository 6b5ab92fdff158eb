import { expect, test } from 'bun:test'
import { Backoff } from './backoff.ts'

function backoffWithClock(random = 0) {
  const clock = { now: 1_000_000 }
  const backoff = new Backoff({ elapsed: () => clock.now, random: () => random })
  /** Notes a failure, and returns the milliseconds until the next attempt. */
  const waitAfterFailure = () => {
    backoff.noteFailure()
    const since = clock.now
    while (backoff.isWaiting) clock.now += 250
    return clock.now - since
  }
  return { clock, backoff, waitAfterFailure }
}

test('the pauses after repeated failures grow to a minute', () => {
  const { waitAfterFailure } = backoffWithClock()
  expect(Array.from({ length: 9 }, waitAfterFailure)).toEqual([
    0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ])
})

test('a pause is shortened at random by at most half', () => {
  const { waitAfterFailure } = backoffWithClock(1)
  expect(Array.from({ length: 4 }, waitAfterFailure)).toEqual([0, 500, 1000, 2000])
})

test('a server is tried at once after a minute of good work, but not if it fails right after it connects', () => {
  const { clock, backoff, waitAfterFailure } = backoffWithClock()
  waitAfterFailure()
  waitAfterFailure()
  backoff.noteConnection()
  expect(waitAfterFailure()).toBe(2000)
  backoff.noteConnection()
  clock.now += 60_000
  expect(waitAfterFailure()).toBe(0)
})

test('a server that misbehaved is not contacted for five minutes', () => {
  const { clock, backoff } = backoffWithClock()
  backoff.noteMisbehaviour()
  clock.now += 299_999
  expect(backoff.isWaiting).toBe(true)
  clock.now += 1
  expect(backoff.isWaiting).toBe(false)
})
