import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { AttemptNote } from '../../flow/attempt-note.ts'
import { newReceipt } from '../../flow/call.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { aCall } from '../chat.double.ts'
import { MinuteClock, MinuteRing, minutesUntil } from './minute-ring.ts'
import { type RecentRequest, RecentRequests } from './recent-requests.ts'
import { Statistics } from './statistics.ts'
import { bucketOf, percentilesOf, timeBuckets } from './time-scale.ts'

const minuteMs = 60_000

/** A machine whose time can be set, and whose clock only goes forward. */
class Machine extends ManualRuntime {
  jumpedMs = 0
  passedMs = 0

  override now(): number {
    return super.now() + this.jumpedMs
  }

  override elapsed(): number {
    return super.elapsed() + this.passedMs
  }
}

function setUp() {
  const machine = new Machine()
  const statistics = new Statistics(machine)
  const requests = new RecentRequests()
  requests.follow(statistics.noteRequest)
  const note = (outcome: string, more: Partial<RecentRequest> = {}) =>
    requests.note({
      call: { ...aCall(), receipt: newReceipt() },
      ...{ model: 'm', task: 'chat', ending: { kind: 'done' }, outcome, bytes: 0 },
      ...{
        startedAt: 0,
        begunAt: 0,
        firstEventMs: more.firstEventMs,
        durationMs: 1,
        usage: more.usage,
        isStreamed: false,
        texts: undefined,
      },
    })
  const attempt = (given: Partial<AttemptNote>, error?: ChatError) =>
    statistics.noteAttempt(
      {
        ...{ upstream: 'up', account: 'KEY', model: 'm', task: 'chat', startedAt: 0, firstAt: 100, endedAt: 200 },
        ...{ outcome: error?.ownCode ?? 'ok', gaps: undefined, ...given },
      },
      error,
    )
  return { machine, statistics, requests, note, attempt }
}

describe('the last hour', () => {
  test('has sixty minutes, and each request in its own', () => {
    const { machine, statistics, note } = setUp()
    for (let at = 0; at < 150; at++) {
      for (let times = 0; times <= at % 3; times++) note(at % 2 === 0 ? 'ok' : 'upstream_error')
      machine.passedMs += minuteMs
    }
    const { minutes, requests, failed } = statistics.lastHour()
    expect(minutes).toHaveLength(60)
    // the current minute is empty, and the newest of the others is that of 149
    const expected = Array.from({ length: 60 }, (_, at) => 91 + at).map((at) => (at === 150 ? 0 : 1 + (at % 3)))
    expect(minutes.map((one) => one.requests)).toEqual(expected)
    expect(minutes.map((one) => one.failed)).toEqual(expected.map((count, at) => (at % 2 === 0 ? count : 0)))
    expect(requests).toBe(expected.reduce((a, b) => a + b))
    expect(failed).toBe(minutes.reduce((sum, one) => sum + one.failed, 0))
    expect(minutes.every(({ at }) => at % minuteMs === 0)).toBe(true)
    expect(minutes.at(-1)?.at).toBe(machine.now())
  })

  test('is empty after a silence of any length', () => {
    for (const silentMs of [60, 61, 119, 120, 121, 100_000].map((count) => count * minuteMs)) {
      const { machine, statistics, note, attempt } = setUp()
      note('ok', { firstEventMs: 5, usage: { inputTokens: 1, outputTokens: 1, source: 'upstream' } })
      attempt({})
      machine.passedMs += silentMs
      const { minutes, ...sums } = statistics.lastHour()
      expect({ ...sums, firstEventMs: sums.firstEventMs ?? null }).toEqual({
        ...{ requests: 0, failed: 0, clientLeft: 0, inputTokens: 0, outputTokens: 0, cost: undefined },
        firstEventMs: null,
      })
      expect(minutes.some(({ requests }) => requests > 0)).toBe(false)
      // the last success is known for longer
      expect(statistics.upstream('up')).toMatchObject({ requests: 0, lastSuccessAt: machine.now() - silentMs })
    }
  })

  test('counts failures, clients that leave, tokens and times, and no cost where none is known', () => {
    const { statistics, note } = setUp()
    const usage = { inputTokens: 100, outputTokens: 10, source: 'upstream' } as const
    for (let ms = 1; ms <= 100; ms++) note('ok', { firstEventMs: ms * 10, usage })
    note('client_closed')
    note('upstream_timeout')
    const hour = statistics.lastHour()
    expect(hour).toMatchObject({ requests: 102, failed: 1, clientLeft: 1, inputTokens: 10_000, outputTokens: 1_000 })
    expect(hour.cost).toBeUndefined()
    const { p50 = 0, p95 = 0 } = hour.firstEventMs ?? {}
    expect([p50 / 500, p95 / 950].every((ratio) => ratio > 0.88 && ratio < 1.12)).toBe(true)
  })

  test('is not changed by a clock that jumps, which only moves the times that are shown', () => {
    for (const jumpMs of [-7 * 3_600_000, 3 * 3_600_000, 12_345]) {
      const { machine, statistics, note } = setUp()
      note('ok')
      machine.passedMs += minuteMs
      machine.jumpedMs = jumpMs
      note('upstream_error')
      const { minutes, requests, failed } = statistics.lastHour()
      expect([requests, failed]).toEqual([2, 1])
      expect(minutes.slice(-2).map((one) => [one.requests, one.failed])).toEqual([
        [1, 0],
        [1, 1],
      ])
      // in whole seconds, so that it does not change with each look
      expect(minutes.at(-1)?.at).toBe(Math.round(machine.now() / 1_000) * 1_000)
    }
  })
})

describe('the attempts at an upstream', () => {
  test('that failed are counted there, unless it was by what the client asked for', () => {
    const { statistics, attempt } = setUp()
    attempt({})
    attempt({ firstAt: undefined }, new ChatError('timeout', { message: 'late' }))
    attempt({ account: 'SPARE' }, new ChatError('account-refused', { message: 'no' }))
    attempt({}, new ChatError('invalid-request', { message: 'wrong' }))
    attempt({}, new ChatError('cancelled', { message: 'left' }))
    attempt({ outcome: 'not_needed' })
    attempt({ upstream: 'other', account: undefined })
    expect(statistics.upstream('up')).toMatchObject({ requests: 6, failed: 2, firstEventMs: { p50: 99 } })
    expect(statistics.account('up', 'KEY')).toMatchObject({ requests: 5, failed: 1, lastSuccessAt: expect.any(Number) })
    expect(statistics.account('up', 'SPARE')).toEqual({ requests: 1, failed: 1, lastSuccessAt: undefined })
    expect(statistics.account('other', 'KEY').requests).toBe(0)
    const unasked = statistics.upstream('unasked')
    expect([unasked.requests, unasked.minutes.length, unasked.firstEventMs]).toEqual([0, 60, undefined])
  })

  test('need no more memory when upstreams and accounts come and go', () => {
    const { statistics, attempt } = setUp()
    for (let at = 0; at < 1_500; at++) attempt({ upstream: `up${at}` })
    for (let at = 0; at < 3_000; at++) attempt({ account: `made${at}` })
    expect([statistics.upstream('up0').requests, statistics.upstream('up1499').requests]).toEqual([0, 1])
    expect([statistics.account('up', 'made0').requests, statistics.account('up', 'made2999').requests]).toEqual([0, 1])
    const counted = (count: number, requestsOf: (at: number) => number) =>
      Array.from({ length: count }, (_, at) => requestsOf(at)).reduce((a, b) => a + b)
    expect(counted(1_500, (at) => statistics.upstream(`up${at}`).requests)).toBe(499)
    expect(counted(3_000, (at) => statistics.account('up', `made${at}`).requests)).toBe(1_000)
  })
})

test('a minute is counted from where its numbers were, over any way round the ring', () => {
  const ring = new MinuteRing(new Float64Array(2 * 60))
  const model = new Map<number, number>()
  let minute = 0
  for (const step of [0, 1, 1, 58, 1, 1, 0, 59, 60, 3, 61, 7, 200, 1, 1]) {
    minute += step
    ring.add(minute, 1, minute + 1)
    model.set(minute, (model.get(minute) ?? 0) + minute + 1)
    const shown = minutesUntil(minute).map((one) => ring.row(one)[1] ?? 0)
    expect(shown).toEqual(minutesUntil(minute).map((one) => model.get(one) ?? 0))
    expect(ring.sums()).toEqual([0, shown.reduce((a, b) => a + b)])
  }
})

test('the minutes of the clock begin with those of the day', async () => {
  const machine = new Machine()
  machine.passedMs = 17_123
  const clock = new MinuteClock(machine)
  expect(clock.startOf(clock.minute)).toBe(machine.now() - 17_123)
  machine.passedMs += minuteMs - 17_124
  expect(clock.minute).toBe(0)
  machine.passedMs += 1
  expect(clock.minute).toBe(1)
})

describe('times on a scale of logarithms', () => {
  test('are found again within a tenth, from a millisecond to nine minutes', () => {
    for (let ms = 1.5; ms < 500_000; ms *= 1.07) {
      const counts = Array.from({ length: timeBuckets }, () => 0)
      counts[bucketOf(ms)] = 1
      const { p50 = 0 } = percentilesOf(counts) ?? {}
      expect(Math.abs(p50 - ms)).toBeLessThan(0.5 + ms * 0.1)
    }
  })

  test('have a bucket for every number', () => {
    for (const ms of [0, -1, Number.NaN, 0.5, 1, 1e9, Number.POSITIVE_INFINITY]) {
      const bucket = bucketOf(ms)
      expect(Number.isInteger(bucket) && bucket >= 0 && bucket < timeBuckets).toBe(true)
    }
    expect(percentilesOf([0, 0])).toBeUndefined()
  })
})

test('a listener gets each request once, until it stops', () => {
  const { requests, note } = setUp()
  const seen: string[] = []
  const listener = ({ outcome }: RecentRequest) => void seen.push(outcome)
  const [stop, stopAgain] = [requests.follow(listener), requests.follow(listener)]
  note('ok')
  stop()
  stop()
  note('upstream_error')
  stopAgain()
  note('ok')
  expect(seen).toEqual(['ok', 'ok', 'upstream_error'])
})
