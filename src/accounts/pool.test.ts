import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { until } from '../../test/waiting.ts'
import { ChatError, type Reason } from '../chat/error.ts'
import { newCancel } from '../wire/machine.double.ts'
import { configuredStoreKeyOf } from './credential-store.ts'
import { LiveAccount } from './live-account.ts'
import { accountsOptions, poolOf } from './pool.double.ts'
import type { Pool } from './pool.ts'
import { type Outcome, RenewalServiceDouble } from './renewal-service.double.ts'

const minuteMs = 60_000
const never = newCancel()

/** The next account of a pool without a factory. */
function pickFrom(pool: Pool, tried: readonly LiveAccount[] = []): LiveAccount {
  const leased = pool.pick({ tried: new Set(tried) }, never)
  if (leased instanceof Promise) throw new Error('there is one at once')
  return leased
}

function setUp(count: number, startsAt = 0) {
  let now = startsAt
  const setUp = Array.from({ length: count }, (_, at) => ({ label: `a${at}`, credential: undefined }))
  const { pool, accounts } = poolOf(setUp, { now: () => now })
  return {
    accounts,
    pool,
    pass: (ms: number) => {
      now += ms
    },
    lease: (...tried: readonly LiveAccount[]) => pickFrom(pool, tried).label,
    fail: (at: number, reason: Reason = 'rate-limited', retryAfterMs?: number) => {
      const account = accounts[at]
      const error = new ChatError(reason, { message: '', ...(retryAfterMs !== undefined && { retryAfterMs }) })
      if (account) pool.reportFailure(account, error)
    },
    succeed: (at: number) => {
      const account = accounts[at]
      if (account) pool.reportSuccess(account)
    },
    kinds: () => Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind])),
    until: (at: number) => {
      const found = pool.states().find(({ label }) => label === `a${at}`)?.state
      return found && 'until' in found ? found.until : undefined
    },
  }
}

function refusalOf(lease: () => unknown): unknown {
  try {
    return lease()
  } catch (thrown) {
    return thrown
  }
}

test('accounts are used in turn, the least recently used one first', () => {
  const { lease } = setUp(3)
  expect(Array.from({ length: 7 }, () => lease())).toEqual(['a0', 'a1', 'a2', 'a0', 'a1', 'a2', 'a0'])
})

test('accounts that have failed this call are skipped, and keep their position', () => {
  const { lease, accounts } = setUp(3)
  const [first] = accounts
  expect(first && lease(first)).toBe('a1')
  expect(lease()).toBe('a0')
})

test('an account that failed rests for the time that its upstream sent', () => {
  const { lease, fail, pass } = setUp(2)
  fail(0, 'rate-limited', 5_000)
  expect([lease(), lease()]).toEqual(['a1', 'a1'])
  pass(4_999)
  expect(lease()).toBe('a1')
  pass(1)
  expect([lease(), lease()].toSorted()).toEqual(['a0', 'a1'])
})

test('an account does not rest longer if the clock is set back', () => {
  const { lease, fail, pass, until } = setUp(2, 10 * 60 * minuteMs)
  fail(0, 'challenged')
  lease()
  pass(-20)
  lease()
  pass(-2 * 60 * minuteMs)
  expect(until(0)).toBe(10 * 60 * minuteMs + 15 * minuteMs - 20)
  lease()
  expect(until(0)).toBe(8 * 60 * minuteMs + 15 * minuteMs - 20)
  pass(15 * minuteMs - 1)
  expect([lease(), lease()]).toEqual(['a1', 'a1'])
  pass(1)
  expect([lease(), lease()].toSorted()).toEqual(['a0', 'a1'])
})

test('section 3: if its upstream sent no time, an account rests for the time of the failure’s reason', () => {
  const rest = (reason: Reason, failures: number, startsAt = 0) => {
    const { fail, until } = setUp(2, startsAt)
    for (let failed = 0; failed < failures; failed++) fail(0, reason)
    return (until(0) ?? 0) - startsAt
  }
  expect([1, 2, 3, 4, 5, 6, 2_000].map((failures) => rest('rate-limited', failures) / 1_000)).toEqual([
    30, 60, 120, 240, 300, 300, 300,
  ])
  expect([1, 2, 8, 2_000].map((failures) => rest('challenged', failures) / minuteMs)).toEqual([15, 30, 1440, 1440])
  expect([1, 5].map((failures) => rest('account-refused', failures) / minuteMs)).toEqual([10, 10])
  const atTen = Date.UTC(2026, 10, 21, 10)
  expect(rest('quota-exhausted', 1, atTen) / minuteMs).toBe(14 * 60)
})

test('a success ends the rest at once, and resets the count of failures', () => {
  const { fail, succeed, kinds, until } = setUp(2)
  fail(0)
  fail(0)
  succeed(0)
  expect(kinds()).toEqual({ a0: 'ok', a1: 'ok' })
  fail(0)
  expect(until(0)).toBe(30_000)
})

test('the end of its rest makes an account usable, but does not reset the count of failures', () => {
  const { fail, pass, lease, kinds, until } = setUp(2)
  fail(0)
  pass(30_000)
  lease()
  expect(kinds()).toEqual({ a1: 'ok', a0: 'ok' })
  fail(0)
  expect(until(0)).toBe(30_000 + 60_000)
})

test('failures that are not about the account do not change it', () => {
  for (const reason of [
    'upstream-failed',
    'timeout',
    'overloaded',
    'invalid-request',
    'cancelled',
    'internal',
  ] as const) {
    const { fail, kinds } = setUp(1)
    fail(0, reason)
    expect(kinds()).toEqual({ a0: 'ok' })
  }
})

test('P20: the last account is used even while cooling, unless the upstream sent a time', () => {
  const { fail, lease } = setUp(1)
  for (const reason of ['account-refused', 'challenged', 'quota-exhausted', 'rate-limited'] as const) {
    fail(0, reason)
    expect(lease()).toBe('a0')
  }
})

test('P20: if all accounts rest, the one with the shortest rest is used', () => {
  const { fail, lease, accounts } = setUp(3)
  fail(0, 'challenged')
  fail(1, 'rate-limited')
  fail(2, 'account-refused')
  expect(lease()).toBe('a1')
  expect(lease(...accounts.slice(1, 2))).toBe('a2')
})

test('if each account rests for a time that its upstream sent, a call fails with the shortest time', () => {
  const { fail, lease, pass } = setUp(2)
  fail(0, 'rate-limited', 9_000)
  fail(1, 'rate-limited', 4_000)
  pass(1_000)
  expect(refusalOf(lease)).toMatchObject({ reason: 'rate-limited', retryAfterMs: 3_000 })
  pass(3_000)
  expect(lease()).toBe('a1')
})

test('a later failure without a time replaces one with a time, and the account may be used again', () => {
  const { fail, lease } = setUp(1)
  fail(0, 'rate-limited', 60_000)
  expect(refusalOf(lease)).toBeInstanceOf(ChatError)
  fail(0, 'account-refused')
  expect(lease()).toBe('a0')
})

test('no account is left if all have failed this call', () => {
  const { lease, accounts } = setUp(2)
  expect(refusalOf(() => lease(...accounts))).toMatchObject({ reason: 'unavailable', code: 'no_account' })
  expect(refusalOf(() => pickFrom(poolOf([]).pool))).toMatchObject({ reason: 'unavailable', code: 'no_account' })
})

test('the preferred account is used out of turn, unless it rests or has failed this call', () => {
  const { pool, accounts, fail, lease } = setUp(3)
  const pickPreferred = (...tried: readonly LiveAccount[]) => {
    const leased = pool.pick({ tried: new Set(tried), preferred: 'a2' }, never)
    return leased instanceof Promise ? 'a promise' : leased.label
  }
  expect([pickPreferred(), pickPreferred(), lease()]).toEqual(['a2', 'a2', 'a0'])
  expect(pickPreferred(...accounts.slice(2))).toBe('a1')
  fail(2)
  expect(pickPreferred()).toBe('a0')
})

test('an account that needs a login or is banned is never used again, even after a year or a late answer', () => {
  const { fail, succeed, pass, lease, kinds } = setUp(3)
  fail(0, 'login-needed')
  fail(1, 'account-banned')
  pass(365 * 24 * 60 * minuteMs)
  succeed(0)
  fail(0, 'rate-limited')
  expect([lease(), lease()]).toEqual(['a2', 'a2'])
  expect(kinds()).toEqual({ a2: 'ok', a0: 'needs-login', a1: 'banned' })
  fail(2, 'login-needed')
  expect(refusalOf(lease)).toMatchObject({ reason: 'unavailable', code: 'no_account' })
  expect(String(refusalOf(lease))).toContain('needs a new login')
})

test('an account of another pool changes nothing', () => {
  const { pool, kinds } = setUp(1)
  const otherAccount = new LiveAccount(
    { label: 'x', credential: undefined },
    { ...accountsOptions(), upstream: 'another' },
  )
  pool.reportFailure(otherAccount, new ChatError('rate-limited', { message: '' }))
  pool.reportSuccess(otherAccount)
  expect(kinds()).toEqual({ a0: 'ok' })
  expect(pool.size).toBe(1)
})

describe('at run time', () => {
  const added = (label: string) => ({ label, credential: label })

  test('an added account is used in turn, and a removed one is not used again', () => {
    const { pool, lease } = setUp(2)
    lease()
    pool.add(added('a2'))
    expect([lease(), lease(), lease(), lease()]).toEqual(['a1', 'a0', 'a2', 'a1'])
    expect([pool.remove('a0'), pool.remove('a0'), pool.remove('never-there')]).toEqual([true, false, false])
    expect([lease(), lease(), lease()]).toEqual(['a2', 'a1', 'a2'])
    expect(pool.size).toBe(2)
  })

  test('the result of a call with a removed account changes nothing', () => {
    for (const end of ['succeeded', 'failed'] as const) {
      const { pool, accounts, kinds, lease } = setUp(2)
      const [running] = accounts
      if (!running) throw new Error('no account')
      expect(lease()).toBe('a0')
      pool.remove('a0')
      if (end === 'succeeded') pool.reportSuccess(running)
      else pool.reportFailure(running, new ChatError('rate-limited', { message: '', retryAfterMs: minuteMs }))
      expect(kinds()).toEqual({ a1: 'ok' })
      // another account may have its label by then
      pool.add(added('a0'))
      pool.reportFailure(running, new ChatError('account-banned', { message: '' }))
      expect(kinds()).toEqual({ a1: 'ok', a0: 'ok' })
    }
  })

  test('the rest of a removed account does not count any more', () => {
    const { pool, fail, lease } = setUp(2)
    fail(0, 'rate-limited', 4_000)
    fail(1, 'rate-limited', 9_000)
    pool.remove('a0')
    expect(refusalOf(lease)).toMatchObject({ reason: 'rate-limited', retryAfterMs: 9_000 })
    pool.remove('a1')
    expect(refusalOf(lease)).toMatchObject({ reason: 'unavailable', code: 'no_account' })
    expect(String(refusalOf(lease))).not.toContain('new login')
    pool.add(added('a2'))
    expect(lease()).toBe('a2')
  })

  test('an account with a known label is replaced together with its state', () => {
    for (const reason of [undefined, 'rate-limited', 'login-needed', 'account-banned'] as const) {
      const { pool, fail, kinds } = setUp(2)
      if (reason) fail(0, reason)
      const session = pool.add({ label: 'a0', credential: 'new' })
      expect(kinds()).toEqual({ a0: 'ok', a1: 'ok' })
      const leased = [pickFrom(pool), pickFrom(pool)]
      expect(leased).toContain(session)
      expect(leased.map(({ credential }) => credential)).toContain('new')
      expect(pool.size).toBe(2)
    }
  })

  test('a running call keeps its credential while another one replaces it', async () => {
    const { pool } = setUp(1)
    const leased = pickFrom(pool)
    pool.add({ label: 'a0', credential: 'new' })
    expect(leased.credential).toBeUndefined()
    expect(await pickFrom(pool).getCredential(never)).toBe('new')
  })
})

describe('an account that is removed during its renewal', () => {
  /** A call that waits for a renewal that has begun. */
  async function startRenewal() {
    const service = new RenewalServiceDouble(() => 0)
    const options = accountsOptions({ now: () => 0 })
    const account = { label: 'a', credential: service.token(0, 0), renewal: service.renewal }
    const { pool } = poolOf([account], options)
    const answer = Promise.withResolvers<Outcome>()
    service.setOutcomes(() => answer.promise)
    const newCredential = Promise.resolve(pickFrom(pool).getCredential(never))
    await until(() => service.asked.length === 1, 20_000, 'the service is asked')
    return { service, options, account, pool, answer, newCredential }
  }

  test('gives its call the new credential, stores it, and releases its lease', async () => {
    const { options, account, pool, answer, newCredential } = await startRenewal()
    pool.remove('a')
    const name = configuredStoreKeyOf('upstream', account)
    expect(await options.store.lease(name, 1)).toBeUndefined()
    answer.resolve('ok')
    expect(await newCredential).toMatchObject({ generation: 1 })
    expect(await options.store.lease(name, 1)).toBeDefined()
    const again = pool.add(account)
    expect(await again.getCredential(never)).toMatchObject({ generation: 1 })
  })

  test('and added again is renewed once', async () => {
    const { service, account, pool, answer, newCredential } = await startRenewal()
    pool.remove('a')
    const again = Promise.resolve(pool.add(account).getCredential(never))
    answer.resolve('ok')
    expect(await newCredential).toMatchObject({ generation: 1 })
    expect(await again).toMatchObject({ generation: 1 })
    expect(service.asked).toHaveLength(1)
  })

  test('puts no other account aside with its proof', async () => {
    const { pool, answer, newCredential } = await startRenewal()
    pool.add({ label: 'a', credential: 'another' })
    answer.resolve('dead')
    await expect(newCredential).rejects.toThrow('Already used')
    expect(pool.states()).toEqual([{ label: 'a', state: { kind: 'ok' } }])
  })
})

test('the state of an account has the end of its credential and the time of its renewal', async () => {
  const service = new RenewalServiceDouble(() => 0)
  const { pool } = poolOf([{ label: 'a', credential: service.token(0, 0), renewal: service.renewal }], { now: () => 0 })
  const renewal = { isRunning: false, expiresAt: 0, renewedAt: undefined }
  expect(pool.states()).toEqual([{ label: 'a', state: { kind: 'ok' }, renewal }])
  const answer = Promise.withResolvers<Outcome>()
  service.setOutcomes(() => answer.promise)
  const newCredential = pickFrom(pool).getCredential(never)
  await until(() => service.asked.length === 1, 20_000, 'the service is asked')
  expect(pool.states()).toMatchObject([{ state: { kind: 'refreshing' }, renewal: { isRunning: true } }])
  answer.resolve('ok')
  await newCredential
  expect(pool.states()).toEqual([
    { label: 'a', state: { kind: 'ok' }, renewal: { isRunning: false, expiresAt: service.lastsMs, renewedAt: 0 } },
  ])
})

test('P21: no account is ever lost or doubled, and a healthy one is found if there is one', () => {
  const reason = fc.constantFrom<Reason>('rate-limited', 'challenged', 'account-refused', 'quota-exhausted', 'timeout')
  const step = fc.oneof(
    fc.record({ do: fc.constant('fail' as const), at: fc.nat(3), reason, afterMs: fc.option(fc.nat(120_000)) }),
    fc.record({ do: fc.constant('succeed' as const), at: fc.nat(3) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat(600_000) }),
    fc.record({ do: fc.constant('lease' as const) }),
    fc.record({ do: fc.constant('add' as const), at: fc.nat(5) }),
    fc.record({ do: fc.constant('remove' as const), at: fc.nat(5) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { pool, fail, succeed, pass, lease } = setUp(4)
      const labels = new Set(['a0', 'a1', 'a2', 'a3'])
      for (const taken of steps) {
        if (taken.do === 'fail') fail(taken.at, taken.reason, taken.afterMs ?? undefined)
        else if (taken.do === 'succeed') succeed(taken.at)
        else if (taken.do === 'pass') pass(taken.ms)
        else if (taken.do === 'add') {
          pool.add({ label: `a${taken.at}`, credential: undefined })
          labels.add(`a${taken.at}`)
        } else if (taken.do === 'remove') expect(pool.remove(`a${taken.at}`)).toBe(labels.delete(`a${taken.at}`))
        else {
          const healthy = pool.states().filter(({ state }) => state.kind === 'ok')
          const leased = refusalOf(lease)
          if (healthy.length > 0) expect(pool.states().find(({ label }) => label === leased)?.state.kind).toBe('ok')
        }
        expect(pool.size).toBe(labels.size)
        expect(
          pool
            .states()
            .map(({ label }) => label)
            .toSorted(),
        ).toEqual([...labels].toSorted())
      }
    }),
  )
})
