import { describe, expect, test } from 'bun:test'
import { until } from '../../test/waiting.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import type { Account, Supply } from './account.ts'
import { configuredStoreKeyOf } from './credential-store.ts'
import type { LiveAccount } from './live-account.ts'
import { openPool } from './open-pool.ts'
import { accountsOptions } from './pool.double.ts'
import type { Pool } from './pool.ts'
import { FakeStore, type Outcome, RenewalServiceDouble, storeFailure, type Token } from './renewal-service.double.ts'

const never = newCancel()

interface Given {
  readonly min?: number
  readonly max?: number
  readonly accounts?: readonly Account[]
}

/** Opens a pool that makes its accounts. It returns the pool, its clock, and the service that makes the accounts. */
function setUp({ min = 2, max = 5, accounts = [] }: Given = {}) {
  let now = 1_000_000
  const service = new RenewalServiceDouble(() => now)
  const store = new FakeStore({ runtime: machine })
  const signUpService = { made: 0, most: 0, running: 0, failures: [] as (ChatError | undefined)[] }
  let gate: Promise<unknown> | undefined
  const supply: Supply<Token> = {
    min,
    max,
    renewal: service.renewal,
    async create(signal) {
      signUpService.most = Math.max(signUpService.most, ++signUpService.running)
      await Promise.race([gate, new Promise((_, left) => signal.onAbort(() => left(signal.reason)))])
      signUpService.running--
      const failure = signUpService.failures.shift()
      if (failure) throw failure
      signUpService.made++
      return service.token(100 * signUpService.made)
    },
  }
  gate = Promise.resolve()
  const open = () => openPool({ name: 'upstream', accounts, supply }, accountsOptions({ store, now: () => now }))
  const pool = open()
  const lease = async (from: Pool = pool, tried: readonly LiveAccount[] = [], signal = never) =>
    from.pick({ tried: new Set(tried) }, signal)
  return {
    signUpService,
    store,
    service,
    supply,
    pool,
    open,
    lease,
    pass: (ms: number) => {
      now += ms
    },
    holdSignUps: () => {
      const gateOpening = Promise.withResolvers<void>()
      gate = gateOpening.promise
      return gateOpening.resolve
    },
    labels: (of: Pool = pool) =>
      of
        .states()
        .map(({ label }) => label)
        .toSorted(),
    kinds: () => Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind])),
    /** Waits until the pool has this number of accounts, and none is being made. */
    waitForSize: (size: number) =>
      until(() => pool.size === size && signUpService.running === 0, 20_000, `${size} accounts`),
  }
}

const dead = () => new ChatError('login-needed', { message: 'over' })
const limited = (retryAfterMs: number) => new ChatError('rate-limited', { message: 'too many', retryAfterMs })

const failureOf = (promise: Promise<unknown>): Promise<ChatError> =>
  promise.then(() => new ChatError('internal', { message: 'nothing' }), asChatError)

describe('a pool that makes its accounts', () => {
  test('makes no account before the first call, and then the minimum in the background, one at a time', async () => {
    const { signUpService, pool, lease, waitForSize, labels } = setUp({ min: 3 })
    expect([signUpService.made, pool.size]).toEqual([0, 0])
    expect((await lease()).label).toBe('anonymous-1')
    await waitForSize(3)
    expect([signUpService.made, signUpService.most, labels()]).toEqual([
      3,
      1,
      ['anonymous-1', 'anonymous-2', 'anonymous-3'],
    ])
    const turns = await Promise.all(Array.from({ length: 6 }, () => lease()))
    expect(new Set(turns.map(({ label }) => label)).size).toBe(3)
    expect(signUpService.made).toBe(3)
  })

  test('spreads 300 simultaneous calls over its accounts, and makes no more than the minimum', async () => {
    const { signUpService, lease, waitForSize } = setUp({ min: 3, max: 5 })
    const leased = await Promise.all(Array.from({ length: 300 }, () => lease()))
    const times = Map.groupBy(leased, ({ label }) => label)
    // the first account must not get all calls, because some upstreams answer the calls of an account one after the
    // other
    expect([...times.values()].map(({ length }) => length)).toEqual([100, 100, 100])
    await waitForSize(3)
    expect([signUpService.made, signUpService.most]).toEqual([3, 1])
  })

  test('gives the existing account to all waiting calls if no more can be made for now', async () => {
    const { signUpService, lease } = setUp({ min: 3 })
    signUpService.failures = [undefined, limited(60_000)]
    const leased = await Promise.all(Array.from({ length: 20 }, () => lease()))
    expect(new Set(leased.map(({ label }) => label))).toEqual(new Set(['anonymous-1']))
  })

  test('gives an added account to the call that waits longest, and gives made accounts to the other calls', async () => {
    const { signUpService, pool, lease, holdSignUps, labels } = setUp({ min: 3 })
    const release = holdSignUps()
    const waiting = [lease(), lease(), lease()]
    await until(() => signUpService.running === 1, 20_000, 'one is being made')
    pool.add({ label: 'ADDED', credential: undefined })
    expect((await waiting[0])?.label).toBe('ADDED')
    release()
    const others = await Promise.all(waiting.slice(1))
    expect(others.map(({ label }) => label)).toEqual(['anonymous-1', 'anonymous-2'])
    expect(labels()).toEqual(['ADDED', 'anonymous-1', 'anonymous-2'])
  })

  test('gives an added account to all waiting calls if the minimum is reached', async () => {
    const { signUpService, pool, lease, holdSignUps } = setUp({ min: 1 })
    const release = holdSignUps()
    const waiting = [lease(), lease(), lease()]
    await until(() => signUpService.running === 1, 20_000, 'one is being made')
    pool.add({ label: 'ADDED', credential: undefined })
    expect((await Promise.all(waiting)).map(({ label }) => label)).toEqual(['ADDED', 'ADDED', 'ADDED'])
    release()
  })

  test('makes a new account in place of a removed one, and deletes the old credential', async () => {
    const { store, pool, lease, waitForSize } = setUp({ min: 1 })
    const first = await lease()
    await waitForSize(1)
    expect(pool.remove(first.label)).toBe(true)
    await until(async () => (await store.keys('', 9)).length === 0, 20_000, 'it is removed from the state')
    const next = await lease()
    expect([next.label, next === first]).toEqual(['anonymous-1', false])
  })

  test('lets a waiting call leave', async () => {
    const { signUpService, pool, lease, holdSignUps } = setUp({ min: 2 })
    const release = holdSignUps()
    const leavingCall = newCancel()
    const [first, second] = [lease(), lease(pool, [], leavingCall)]
    await until(() => signUpService.running === 1, 20_000, 'the first is being made')
    const releaseNext = holdSignUps()
    release()
    expect((await first).label).toBe('anonymous-1')
    const failure = failureOf(second)
    leavingCall.abort(new ChatError('cancelled', { message: 'left' }))
    expect(await failure).toMatchObject({ reason: 'cancelled' })
    releaseNext()
  })

  test('makes more accounts than the minimum if sessions are refused, but never more than the maximum', async () => {
    const { signUpService, pool, lease } = setUp({ min: 2, max: 4 })
    const serve = async () => {
      const tried: LiveAccount[] = []
      for (;;) {
        const session = await lease(pool, tried)
        pool.reportFailure(session, new ChatError('account-refused', { message: 'HTTP 401' }))
        tried.push(session)
      }
    }
    const failures = await Promise.all(Array.from({ length: 300 }, () => failureOf(serve())))
    expect([...new Set(failures.map(({ reason }) => reason))]).toEqual(['unavailable'])
    expect([signUpService.made, signUpService.most, pool.size]).toEqual([4, 1, 4])
  })

  test('makes no account because another one has reached a limit', async () => {
    const { signUpService, pool, lease } = setUp({ min: 0, max: 4 })
    const session = await lease()
    pool.reportFailure(session, limited(60_000))
    expect(await failureOf(lease(pool, [session]))).toMatchObject({ reason: 'rate-limited', retryAfterMs: 60_000 })
    pool.remove(session.label)
    expect([(await lease()).label, signUpService.made]).toEqual(['anonymous-1', 2])
  })

  test('stops making accounts up to the minimum when one has reached a limit', async () => {
    const { signUpService, pool, lease, holdSignUps } = setUp({ min: 3, max: 4 })
    const session = await lease()
    const release = holdSignUps()
    await lease()
    pool.reportFailure(session, limited(60_000))
    release()
    await until(() => signUpService.running === 0, 20_000, 'the one that had begun is made')
    await lease()
    expect(signUpService.made).toBeLessThanOrEqual(2)
  })

  test('fails at once if it may make no more accounts', async () => {
    const { signUpService, pool, lease } = setUp({ min: 0, max: 2 })
    const tried = [await lease()]
    tried.push(await lease(pool, tried))
    expect(await failureOf(lease(pool, tried))).toMatchObject({ reason: 'unavailable', code: 'no_account' })
    expect(signUpService.made).toBe(2)
  })

  test('with a minimum of 0 makes an account when one is needed', async () => {
    const { signUpService, lease } = setUp({ min: 0 })
    expect([(await lease()).label, signUpService.made]).toEqual(['anonymous-1', 1])
    await lease()
    expect(signUpService.made).toBe(1)
  })

  test('finishes an account even if no call waits for it any more', async () => {
    const { pool, lease, holdSignUps, waitForSize } = setUp({ min: 1 })
    const release = holdSignUps()
    const leaves = newCancel()
    const left = failureOf(lease(pool, [], leaves))
    const stays = lease()
    leaves.abort(new ChatError('cancelled', { message: '' }))
    expect((await left).reason).toBe('cancelled')
    release()
    expect((await stays).label).toBe('anonymous-1')
    await waitForSize(1)
  })

  test('stops when it is closed', async () => {
    const { signUpService, pool, lease, holdSignUps } = setUp()
    holdSignUps()
    const waiting = failureOf(lease())
    await until(() => signUpService.running === 1, 20_000, 'one is being made')
    pool.close()
    expect((await waiting).reason).toBe('internal')
    expect(pool.size).toBe(0)
  })

  test('stores an account before a call gets it', async () => {
    const { store, lease, signUpService } = setUp({ min: 1 })
    store.put = async () => {
      throw storeFailure()
    }
    expect((await failureOf(lease())).reason).toBe('unavailable')
    expect(signUpService.made).toBe(1)
  })
})

describe('a failure to make an account', () => {
  test('is reported to all waiting calls, and the service is not asked again before its time', async () => {
    const { signUpService, lease, pass } = setUp()
    signUpService.failures.push(limited(60_000))
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(lease())))
    expect(failures.map(({ reason, retryAfterMs }) => [reason, retryAfterMs])).toEqual(
      Array(3).fill(['rate-limited', 60_000]),
    )
    pass(20_000)
    expect(await failureOf(lease())).toMatchObject({ reason: 'rate-limited', retryAfterMs: 40_000 })
    expect([signUpService.made, signUpService.most]).toEqual([0, 1])
    pass(40_000)
    expect((await lease()).label).toBe('anonymous-1')
  })

  test('does not delay the next attempt for longer if the clock is set back', async () => {
    const { signUpService, lease, pass } = setUp()
    signUpService.failures.push(limited(60_000))
    await failureOf(lease())
    pass(-3_600_000)
    expect((await lease()).label).toBe('anonymous-1')
  })

  test('without a time from the service causes longer waits each time', async () => {
    const { signUpService, pool, lease, pass } = setUp({ min: 1 })
    const waits: unknown[] = []
    for (let failed = 0; failed < 9; failed++) {
      signUpService.failures.push(new ChatError('upstream-failed', { message: 'broken' }))
      await failureOf(lease())
      const { reason, retryAfterMs = 0 } = await failureOf(lease())
      waits.push(reason === 'upstream-failed' && retryAfterMs / 1_000)
      pass(retryAfterMs)
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600])
    pool.reportFailure(await lease(), dead())
    signUpService.failures.push(new ChatError('upstream-failed', { message: 'broken' }))
    expect(await failureOf(lease())).toMatchObject({ retryAfterMs: 5_000 })
  })

  test('is not noticed if another account can be used', async () => {
    const { signUpService, lease, kinds } = setUp({ min: 2 })
    signUpService.failures.push(undefined, limited(60_000))
    const first = await lease()
    for (let at = 0; at < 5; at++) expect((await lease()).label).toBe(first.label)
    expect(kinds()).toEqual({ 'anonymous-1': 'ok' })
  })
})

describe('after a restart', () => {
  test('made accounts are restored with their credentials, and no account is made', async () => {
    const { signUpService, lease, waitForSize, open, service, labels, pass } = setUp({ min: 3 })
    await lease()
    await waitForSize(3)
    pass(3_600_000)
    const renewed = await (await lease()).getCredential(never)
    const again = open()
    await lease(again)
    expect(labels(again)).toEqual(labels())
    expect(signUpService.made).toBe(3)
    const sessions = await Promise.all([1, 2, 3].map(() => lease(again)))
    const credentials = await Promise.all(sessions.map((session) => session.getCredential(never)))
    expect(credentials).toContainEqual(renewed)
    expect(service.asked.length).toBe(3)
  })

  test('stored accounts are restored, and missing ones are made', async () => {
    const { lease, waitForSize, open, signUpService, supply, pool } = setUp({ min: 1 })
    await lease()
    await waitForSize(1)
    Object.assign(supply, { min: 2 })
    const again = open()
    await lease(again)
    await lease(again)
    await until(() => again.size === 2, 20_000, 'the second')
    expect([signUpService.made, pool.size]).toEqual([2, 1])
  })

  test('an account that was proven dead is not restored, and its record is deleted', async () => {
    const { signUpService, lease, waitForSize, open, store, pass, service, supply, labels } = setUp({ min: 2 })
    await lease()
    await waitForSize(2)
    const second = await lease()
    expect(second.label).toBe('anonymous-1')
    service.setOutcomes('dead')
    pass(3_600_000)
    expect((await failureOf((async () => second.getCredential(never))())).reason).toBe('login-needed')
    Object.assign(supply, { min: 1 })
    const again = open()
    expect((await lease(again)).label).toBe('anonymous-2')
    expect([signUpService.made, labels(again), await store.keys('', 9)]).toEqual([
      2,
      ['anonymous-2'],
      ['account/upstream/anonymous-2'],
    ])
  })

  test('an account with an unfinished renewal is renewed first', async () => {
    const { lease, open, pass, service } = setUp({ min: 1 })
    const session = await lease()
    pass(3_600_000)
    await session.getCredential(never)
    service.setOutcomes('lost', 'cut')
    pass(3_600_000 - 60_000)
    await session.getCredential(never)
    await until(() => !session.isRenewing, 20_000, 'the renewal')
    const again = await lease(open())
    expect(await again.getCredential(never)).toMatchObject({ generation: 102 })
    expect(service.asked.length).toBe(4)
  })

  test('a restore that fails half-way is repeated, and restores each account once', async () => {
    const { lease, waitForSize, open, store, pass } = setUp({ min: 3 })
    await lease()
    await waitForSize(3)
    const get = store.get.bind(store)
    let reads = 0
    store.get = async (key) => {
      if (++reads === 2) throw storeFailure()
      return get(key)
    }
    const again = open()
    const first = await lease(again)
    pass(5_000)
    await lease(again)
    await until(() => again.size === 3, 20_000, 'the others')
    const seen = new Set(await Promise.all(Array.from({ length: 6 }, () => lease(again))))
    expect([seen.size, seen.has(first)]).toEqual([3, true])
  })
})

describe('an account that is proven dead', () => {
  test('is replaced by another, and its record is deleted', async () => {
    const { signUpService, pool, lease, store, waitForSize, labels } = setUp({ min: 2, max: 2 })
    const first = await lease()
    await waitForSize(2)
    pool.reportFailure(first, dead())
    expect(labels()).toEqual(['anonymous-2'])
    expect(await store.keys('', 9)).toEqual(['account/upstream/anonymous-2'])
    await lease()
    await waitForSize(2)
    expect([signUpService.made, labels()]).toEqual([3, ['anonymous-1', 'anonymous-2']])
  })

  test('does not affect the next account with its label', async () => {
    const { pool, lease, kinds } = setUp({ min: 1, max: 1 })
    const first = await lease()
    pool.reportFailure(first, dead())
    const second = await lease()
    expect([second.label, second === first]).toEqual([first.label, false])
    pool.reportFailure(first, dead())
    pool.reportFailure(first, limited(60_000))
    expect(kinds()).toEqual({ 'anonymous-1': 'ok' })
    pool.reportFailure(second, limited(60_000))
    pool.reportSuccess(first)
    expect(kinds()).toEqual({ 'anonymous-1': 'cooling' })
  })

  test('stays visible if it was configured, and its proof is stored', async () => {
    const service = new RenewalServiceDouble(() => 1_000_000)
    const credential = service.token(0, -1)
    const { renewal } = service
    const account: Account = { label: 'TOKEN', credential, renewal }
    const { pool, lease, kinds, store } = setUp({ min: 1, accounts: [account] })
    const session = await lease()
    service.setOutcomes('dead')
    pool.reportFailure(session, await failureOf((async () => session.getCredential(never))()))
    expect(kinds()).toMatchObject({ TOKEN: 'needs-login' })
    expect(await store.keys('account/', 9)).toEqual([configuredStoreKeyOf('upstream', { credential, renewal })])
  })
})

test('an account during its renewal is shown as refreshing', async () => {
  const { lease, service, pass, kinds } = setUp({ min: 1 })
  const session = await lease()
  const answer = Promise.withResolvers<Outcome>()
  service.setOutcomes(() => answer.promise)
  pass(3_600_000)
  const credential = session.getCredential(never)
  expect(kinds()).toEqual({ 'anonymous-1': 'refreshing' })
  answer.resolve('ok')
  await credential
  await until(() => !session.isRenewing, 20_000, 'the renewal')
  expect(kinds()).toEqual({ 'anonymous-1': 'ok' })
})
