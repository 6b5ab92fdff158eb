import { describe, expect, test } from 'bun:test'
import { ChatError, type Reason } from '../chat/error.ts'
import type { QuotaReport, QuotaWindow } from '../chat/quota.ts'
import { newCancel } from '../wire/machine.double.ts'
import type { OnLimit } from './account.ts'
import { openPool } from './open-pool.ts'
import { accountsOptions } from './pool.double.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const never = newCancel()

function setUp(count: number, options: { onLimit?: OnLimit; isWebProduct?: true; startsAt?: number } = {}) {
  let now = options.startsAt ?? 0
  const declared = Array.from({ length: count }, (_, at) => ({ label: `a${at}`, credential: undefined }))
  const pool = openPool({ name: 'lab', accounts: declared, ...options }, accountsOptions({ now: () => now }))
  const accounts = pool.accounts()
  const at = (index: number) => {
    const account = accounts[index]
    if (!account) throw new Error('no such account')
    return account
  }
  const pick = (model: string, ...tried: readonly number[]) => {
    const leased = pool.pick({ tried: new Set(tried.map(at)), model }, never)
    if (leased instanceof Promise) throw new Error('there is one at once')
    return leased.label
  }
  return {
    pool,
    at,
    pick,
    refusal: (model: string, ...tried: readonly number[]) => {
      try {
        return pick(model, ...tried)
      } catch (thrown) {
        return thrown
      }
    },
    fail: (index: number, reason: Reason, model = 'm', retryAfterMs?: number) =>
      pool.reportFailure(
        at(index),
        new ChatError(reason, { message: '', ...(retryAfterMs !== undefined && { retryAfterMs }) }),
        model,
      ),
    succeed: (index: number, model = 'm') => pool.reportSuccess(at(index), model),
    say: (index: number, window: Partial<QuotaWindow>, model = 'm') =>
      pool.noteQuota(at(index), reportOf(window, now), model),
    pass: (ms: number) => {
      now += ms
    },
    state: (index: number) => pool.states().find(({ label }) => label === `a${index}`)?.state,
  }
}

function reportOf(said: Partial<QuotaWindow>, receivedAt: number): QuotaReport {
  const window: QuotaWindow = {
    unit: 'requests',
    scope: '',
    limit: 10,
    remaining: 0,
    lengthMs: undefined,
    resetAt: undefined,
    isGradual: false,
    ...said,
  }
  return { receivedAt, mayBeUsedUp: window.remaining === 0, windows: () => [window] }
}

describe('an account whose upstream says that nothing is left', () => {
  test('rests until the reset, and another one is used, before any request is refused', () => {
    const { say, pick, state, pass } = setUp(2)
    say(0, { resetAt: 20_000 })
    expect([pick('m'), pick('m'), pick('m')]).toEqual(['a1', 'a1', 'a1'])
    expect(state(0)).toEqual({ kind: 'cooling', until: 20_000, why: 'no_requests_left', models: ['m'] })
    pass(20_000)
    expect(['a0', pick('m'), pick('m')].toSorted()).toEqual(['a0', 'a0', 'a1'])
  })

  test('does not rest if something is left, or if the limit is an unused field of 0', () => {
    const { say, state } = setUp(1)
    say(0, { remaining: 1, resetAt: 20_000 })
    say(0, { limit: 0, resetAt: 20_000 })
    say(0, { resetAt: 0 })
    expect(state(0)).toEqual({ kind: 'ok' })
  })

  test('goes on resting when the answer that said so ends', () => {
    const { say, succeed, pick } = setUp(2)
    say(0, { resetAt: 20_000 })
    succeed(0)
    expect([pick('m'), pick('m')]).toEqual(['a1', 'a1'])
  })

  test('rests as exhausted if the reset is more than an hour away, and is tried again after an hour', () => {
    const { say, refusal, state, pass, pick } = setUp(1)
    say(0, { resetAt: 30 * hourMs })
    expect(state(0)).toMatchObject({ kind: 'exhausted', until: 30 * hourMs })
    expect(refusal('m')).toMatchObject({ reason: 'quota-exhausted', retryAfterMs: hourMs })
    pass(hourMs)
    expect(pick('m')).toBe('a0')
  })

  test('is tried again after a minute if the limit fills up gradually and nothing else is left', () => {
    const { say, refusal, pass, pick } = setUp(1)
    say(0, { resetAt: 24 * hourMs, isGradual: true })
    expect(refusal('m')).toMatchObject({ retryAfterMs: minuteMs })
    pass(minuteMs)
    expect(pick('m')).toBe('a0')
  })

  test('without a reset rests for the length of the window, and is used all the same if nothing else is left', () => {
    const { say, pick, state } = setUp(2)
    say(0, { lengthMs: 5_000 })
    expect([pick('m'), pick('m'), state(0)]).toMatchObject(['a1', 'a1', { until: 5_000 }])
    say(1, { lengthMs: 9_000 })
    expect(pick('m')).toBe('a0')
  })
})

test('when all are used up, the error says until when', () => {
  const at = Date.UTC(2026, 10, 29, 13, 55)
  const { say, refusal, pool, pass } = setUp(2, { startsAt: at })
  say(0, { resetAt: at + 10 * minuteMs })
  expect(pool.restingUntil('m')).toBeUndefined()
  say(1, { resetAt: at + 20 * minuteMs })
  expect(refusal('m')).toMatchObject({
    reason: 'rate-limited',
    message: 'All accounts of lab are used up until 14:05 UTC.',
    retryAfterMs: 10 * minuteMs,
  })
  expect([pool.restingUntil('m'), pool.restingUntil('other'), pool.restingUntil()]).toEqual([
    at + 10 * minuteMs,
    undefined,
    undefined,
  ])
  pass(10 * minuteMs)
  expect(pool.restingUntil('m')).toBeUndefined()
})

describe('a limit of an API', () => {
  test('is one of the model, so the account answers with other models', () => {
    const { fail, refusal, pick, state } = setUp(1)
    fail(0, 'rate-limited', 'big', 40_000)
    expect(refusal('big')).toMatchObject({ reason: 'rate-limited', retryAfterMs: 40_000 })
    expect(pick('small')).toBe('a0')
    expect(state(0)).toMatchObject({ kind: 'cooling', until: 40_000, models: ['big'] })
  })

  test('without a time rests longer after each failure with this model, until it answers', () => {
    const { fail, state, succeed } = setUp(2)
    fail(0, 'rate-limited', 'big')
    fail(0, 'rate-limited', 'big')
    fail(0, 'rate-limited', 'small')
    expect(state(0)).toMatchObject({ until: 30_000, models: ['big', 'small'] })
    succeed(0, 'small')
    expect(state(0)).toMatchObject({ until: 60_000, models: ['big'] })
    succeed(0, 'big')
    expect(state(0)).toEqual({ kind: 'ok' })
  })

  test('is remembered for 64 models', () => {
    const { fail, pick } = setUp(1)
    for (let model = 0; model < 70; model++) fail(0, 'rate-limited', `m${model}`, 40_000)
    expect(pick('m0')).toBe('a0')
    expect(() => pick('m69')).toThrow('used up')
  })

  test('on its credit is one of the whole account', () => {
    const { fail, pick } = setUp(2)
    fail(0, 'quota-exhausted', 'big')
    expect([pick('small'), pick('small')]).toEqual(['a1', 'a1'])
  })
})

test('after a failure the account that has answered last is used, and not the least recently used one', () => {
  const { pick, succeed } = setUp(10)
  succeed(7)
  expect(pick('m')).toBe('a0')
  expect(pick('m', 0)).toBe('a7')
  expect(pick('m', 0, 7)).toBe('a1')
})

test('a rest can be ended early', () => {
  const { fail, refusal, pool, at, pick } = setUp(1)
  fail(0, 'rate-limited', 'm', 40_000)
  fail(0, 'challenged', 'm', 50_000)
  expect(refusal('m')).toMatchObject({ message: expect.stringContaining('rest until') })
  expect([pool.wake(at(0)), pool.wake(at(0)), pick('m')]).toEqual([true, false, 'a0'])
})

describe('ON_LIMIT=rest', () => {
  test('is the default of web products', () => {
    for (const [options, next] of [
      [{}, 'a1'],
      [{ isWebProduct: true }, undefined],
      [{ isWebProduct: true, onLimit: 'next' }, 'a1'],
      [{ onLimit: 'rest' }, undefined],
    ] as const) {
      const { fail, refusal } = setUp(2, options)
      fail(0, 'rate-limited', 'm', 40_000)
      if (next) expect(refusal('m', 0)).toBe(next)
      else expect(refusal('m', 0)).toMatchObject({ reason: 'rate-limited', retryAfterMs: 40_000 })
    }
  })

  test('uses no other account even if the upstream states no wait', () => {
    const { fail, refusal, pass, pick } = setUp(2, { onLimit: 'rest' })
    fail(0, 'rate-limited', 'm', 0)
    expect(refusal('m', 0)).toMatchObject({ reason: 'rate-limited', retryAfterMs: 100 })
    pass(100)
    expect(pick('m')).toBe('a0')
  })

  test('lets nobody but the account that reached the limit try again, one request at a time', () => {
    const { fail, refusal, pass, succeed, pick } = setUp(3, { isWebProduct: true })
    fail(1, 'rate-limited', 'm', 40_000)
    pass(39_999)
    expect(refusal('other')).toMatchObject({ retryAfterMs: 1 })
    pass(1)
    expect(pick('m')).not.toBe('a1')
    fail(1, 'quota-exhausted')
    expect(refusal('m')).toMatchObject({ reason: 'quota-exhausted', retryAfterMs: 20 * minuteMs })
    pass(20 * minuteMs)
    expect([pick('m'), refusal('m')]).toMatchObject(['a1', { retryAfterMs: 30_000 }])
    succeed(1)
    expect([pick('m'), pick('m'), pick('m')].toSorted()).toEqual(['a0', 'a1', 'a2'])
  })

  test('is not ended by an answer that began before the limit', () => {
    const { fail, refusal, succeed } = setUp(2, { isWebProduct: true })
    fail(0, 'rate-limited')
    succeed(0)
    expect(refusal('m')).toMatchObject({ reason: 'rate-limited', retryAfterMs: 30_000 })
  })

  test('goes on although the account is removed, until it would have been tried again', () => {
    const { fail, refusal, pool, pass, pick } = setUp(2, { isWebProduct: true })
    fail(0, 'rate-limited', 'm', 40_000)
    pool.remove('a0')
    expect(refusal('m')).toMatchObject({ reason: 'rate-limited' })
    pass(40_000)
    expect(pick('m')).toBe('a1')
  })

  test('does not hold for a session that broke: that is failover', () => {
    for (const reason of [
      'account-refused',
      'challenged',
      'renewal-failed',
      'login-needed',
      'account-banned',
    ] as const) {
      const { fail, pick } = setUp(2, { isWebProduct: true })
      fail(0, reason)
      expect(pick('m', 0)).toBe('a1')
    }
  })

  test('of an API holds for the model only', () => {
    const { fail, refusal, pick } = setUp(2, { onLimit: 'rest' })
    fail(0, 'rate-limited', 'big', 40_000)
    expect(refusal('big')).toMatchObject({ reason: 'rate-limited' })
    expect(pick('small')).toBe('a0')
  })
})

test('the quota of an account is shown by model, without what has been reset since', () => {
  const { say, pool, pass } = setUp(1)
  const quota = () => pool.states()[0]?.quota?.map(({ model, windows }) => [model, windows[0]?.remaining])
  expect(quota()).toBeUndefined()
  say(0, { remaining: 7, resetAt: 20_000 }, 'big')
  say(0, { remaining: 9, resetAt: 50_000 }, 'small')
  expect(quota()).toEqual([
    ['big', 7],
    ['small', 9],
  ])
  pass(20_000)
  expect(quota()).toEqual([['small', 9]])
})
