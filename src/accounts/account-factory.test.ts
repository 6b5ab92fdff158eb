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

/** A pool that makes its accounts, the clock, and the desk where they are made: it serves one at a time, as it is told. */
function given({ min = 2, max = 5, accounts = [] }: Given = {}) {
  let now = 1_000_000
  const service = new RenewalServiceDouble(() => now)
  const store = new FakeStore({ runtime: machine })
  const desk = { made: 0, most: 0, running: 0, failures: [] as (ChatError | undefined)[] }
  let gate: Promise<unknown> | undefined
  const supply: Supply<Token> = {
    min,
    max,
    renewal: service.renewal,
    async create(signal) {
      desk.most = Math.max(desk.most, ++desk.running)
      await Promise.race([gate, new Promise((_, left) => signal.onAbort(() => left(signal.reason)))])
      desk.running--
      const failure = desk.failures.shift()
      if (failure) throw failure
      desk.made++
      return service.token(100 * desk.made)
    },
  }
  gate = Promise.resolve()
  const open = () => openPool({ name: 'upstream', accounts, supply }, accountsOptions({ store, now: () => now }))
  const pool = open()
  const lease = async (from: Pool = pool, tried: readonly LiveAccount[] = [], signal = never) =>
    from.pick({ tried: new Set(tried) }, signal)
  return {
    desk,
    store,
    service,
    supply,
    pool,
    open,
    lease,
    pass: (ms: number) => {
      now += ms
    },
    hold: () => {
      const held = Promise.withResolvers<void>()
      gate = held.promise
      return held.resolve
    },
    labels: (of: Pool = pool) =>
      of
        .states()
        .map(({ label }) => label)
        .toSorted(),
    kinds: () => Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind])),
    /** Until there are so many. */
    grown: (size: number) => until(() => pool.size === size && desk.running === 0, 1_000, `${size} accounts`),
  }
}

const dead = () => new ChatError('login-needed', { message: 'over' })
const limited = (retryAfterMs: number) => new ChatError('rate-limited', { message: 'too many', retryAfterMs })

const failureOf = (promise: Promise<unknown>): Promise<ChatError> =>
  promise.then(() => new ChatError('internal', { message: 'nothing' }), asChatError)

describe('a pool that makes its accounts', () => {
  test('makes none before one is wanted, then enough of them in the background, one at a time', async () => {
    const { desk, pool, lease, grown, labels } = given({ min: 3 })
    expect([desk.made, pool.size]).toEqual([0, 0])
    expect((await lease()).label).toBe('anonymous-1')
    await grown(3)
    expect([desk.made, desk.most, labels()]).toEqual([3, 1, ['anonymous-1', 'anonymous-2', 'anonymous-3']])
    const turns = await Promise.all(Array.from({ length: 6 }, () => lease()))
    expect(new Set(turns.map(({ label }) => label)).size).toBe(3)
    expect(desk.made).toBe(3)
  })

  test('gives 300 calls at once what it has, and makes no more than it is to keep', async () => {
    const { desk, lease, grown } = given({ min: 3, max: 5 })
    const leased = await Promise.all(Array.from({ length: 300 }, () => lease()))
    const times = Map.groupBy(leased, ({ label }) => label)
    // not all of them the first one, on which some upstreams answer one call after the other
    expect([...times.values()].map(({ length }) => length)).toEqual([100, 100, 100])
    await grown(3)
    expect([desk.made, desk.most]).toEqual([3, 1])
  })

  test('gives all that wait what there is where no more are made for now', async () => {
    const { desk, lease } = given({ min: 3 })
    desk.failures = [undefined, limited(60_000)]
    const leased = await Promise.all(Array.from({ length: 20 }, () => lease()))
    expect(new Set(leased.map(({ label }) => label))).toEqual(new Set(['anonymous-1']))
  })

  test('gives an account that is added to the call that waits longest, and what is made to the others', async () => {
    const { desk, pool, lease, hold, labels } = given({ min: 3 })
    const release = hold()
    const waiting = [lease(), lease(), lease()]
    await until(() => desk.running === 1, 1_000, 'one is being made')
    pool.add({ label: 'ADDED', credential: undefined })
    expect((await waiting[0])?.label).toBe('ADDED')
    release()
    const others = await Promise.all(waiting.slice(1))
    expect(others.map(({ label }) => label)).toEqual(['anonymous-1', 'anonymous-2'])
    expect(labels()).toEqual(['ADDED', 'anonymous-1', 'anonymous-2'])
  })

  test('gives an account that is added to all that wait where no more are to be made', async () => {
    const { desk, pool, lease, hold } = given({ min: 1 })
    const release = hold()
    const waiting = [lease(), lease(), lease()]
    await until(() => desk.running === 1, 1_000, 'one is being made')
    pool.add({ label: 'ADDED', credential: undefined })
    expect((await Promise.all(waiting)).map(({ label }) => label)).toEqual(['ADDED', 'ADDED', 'ADDED'])
    release()
  })

  test('makes another in place of one that is removed, and keeps nothing of it', async () => {
    const { store, pool, lease, grown } = given({ min: 1 })
    const first = await lease()
    await grown(1)
    expect(pool.remove(first.label)).toBe(true)
    await until(async () => (await store.keys('', 9)).length === 0, 1_000, 'it is removed from the state')
    const next = await lease()
    expect([next.label, next === first]).toEqual(['anonymous-1', false])
  })

  test('lets one that waits for another one of its own leave', async () => {
    const { desk, pool, lease, hold } = given({ min: 2 })
    const release = hold()
    const leaver = newCancel()
    const [first, second] = [lease(), lease(pool, [], leaver)]
    await until(() => desk.running === 1, 1_000, 'the first is being made')
    const releaseNext = hold()
    release()
    expect((await first).label).toBe('anonymous-1')
    const failure = failureOf(second)
    leaver.abort(new ChatError('cancelled', { message: 'left' }))
    expect(await failure).toMatchObject({ reason: 'cancelled' })
    releaseNext()
  })

  test('makes more than it is to keep where those are of no use, but never more than it may', async () => {
    const { desk, pool, lease } = given({ min: 2, max: 4 })
    const serve = async () => {
      const tried: LiveAccount[] = []
      for (;;) {
        const session = await lease(pool, tried)
        pool.reportFailure(session, limited(60_000))
        tried.push(session)
      }
    }
    const told = await Promise.all(Array.from({ length: 300 }, () => failureOf(serve())))
    expect([...new Set(told.map(({ reason }) => reason))]).toEqual(['rate-limited'])
    expect([desk.made, desk.most, pool.size]).toEqual([4, 1, 4])
  })

  test('that may make no more says so at once', async () => {
    const { desk, pool, lease } = given({ min: 0, max: 2 })
    const tried = [await lease()]
    tried.push(await lease(pool, tried))
    expect(await failureOf(lease(pool, tried))).toMatchObject({ reason: 'unavailable', code: 'no_account' })
    expect(desk.made).toBe(2)
  })

  test('that is to keep none makes one when it is wanted', async () => {
    const { desk, lease } = given({ min: 0 })
    expect([(await lease()).label, desk.made]).toEqual(['anonymous-1', 1])
    await lease()
    expect(desk.made).toBe(1)
  })

  test('goes on making one that nobody waits for any more', async () => {
    const { pool, lease, hold, grown } = given({ min: 1 })
    const release = hold()
    const leaves = newCancel()
    const left = failureOf(lease(pool, [], leaves))
    const stays = lease()
    leaves.abort(new ChatError('cancelled', { message: '' }))
    expect((await left).reason).toBe('cancelled')
    release()
    expect((await stays).label).toBe('anonymous-1')
    await grown(1)
  })

  test('stops when it is closed', async () => {
    const { desk, pool, lease, hold } = given()
    hold()
    const waiting = failureOf(lease())
    await until(() => desk.running === 1, 1_000, 'one is being made')
    pool.close()
    expect((await waiting).reason).toBe('internal')
    expect(pool.size).toBe(0)
  })

  test('keeps an account before anybody gets it', async () => {
    const { store, lease, desk } = given({ min: 1 })
    store.put = async () => {
      throw storeFailure()
    }
    expect((await failureOf(lease())).reason).toBe('unavailable')
    expect(desk.made).toBe(1)
  })
})

describe('a failure to make one', () => {
  test('is told to all who wait, and nobody is asked again before the time', async () => {
    const { desk, lease, pass } = given()
    desk.failures.push(limited(60_000))
    const told = await Promise.all([1, 2, 3].map(() => failureOf(lease())))
    expect(told.map(({ reason, retryAfterMs }) => [reason, retryAfterMs])).toEqual(
      Array(3).fill(['rate-limited', 60_000]),
    )
    pass(20_000)
    expect(await failureOf(lease())).toMatchObject({ reason: 'rate-limited', retryAfterMs: 40_000 })
    expect([desk.made, desk.most]).toEqual([0, 1])
    pass(40_000)
    expect((await lease()).label).toBe('anonymous-1')
  })

  test('is not waited out longer because the clock was set back', async () => {
    const { desk, lease, pass } = given()
    desk.failures.push(limited(60_000))
    await failureOf(lease())
    pass(-3_600_000)
    expect((await lease()).label).toBe('anonymous-1')
  })

  test('to which nobody put a time is waited out longer each time', async () => {
    const { desk, pool, lease, pass } = given({ min: 1 })
    const waits: unknown[] = []
    for (let failed = 0; failed < 9; failed++) {
      desk.failures.push(new ChatError('upstream-failed', { message: 'broken' }))
      await failureOf(lease())
      const { reason, retryAfterMs = 0 } = await failureOf(lease())
      waits.push(reason === 'upstream-failed' && retryAfterMs / 1_000)
      pass(retryAfterMs)
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600])
    pool.reportFailure(await lease(), dead())
    desk.failures.push(new ChatError('upstream-failed', { message: 'broken' }))
    expect(await failureOf(lease())).toMatchObject({ retryAfterMs: 5_000 })
  })

  test('is not noticed where another account serves', async () => {
    const { desk, lease, kinds } = given({ min: 2 })
    desk.failures.push(undefined, limited(60_000))
    const first = await lease()
    for (let at = 0; at < 5; at++) expect((await lease()).label).toBe(first.label)
    expect(kinds()).toEqual({ 'anonymous-1': 'ok' })
  })
})

describe('after a restart', () => {
  test('those that were made are there again, as they were, and nobody signs up', async () => {
    const { desk, lease, grown, open, service, labels, pass } = given({ min: 3 })
    await lease()
    await grown(3)
    pass(3_600_000)
    const renewed = await (await lease()).getCredential(never)
    const again = open()
    await lease(again)
    expect(labels(again)).toEqual(labels())
    expect(desk.made).toBe(3)
    const sessions = await Promise.all([1, 2, 3].map(() => lease(again)))
    const credentials = await Promise.all(sessions.map((session) => session.getCredential(never)))
    expect(credentials).toContainEqual(renewed)
    expect(service.asked.length).toBe(3)
  })

  test('no more are taken up than may be, and the rest is made up', async () => {
    const { lease, grown, open, desk, supply, pool } = given({ min: 1 })
    await lease()
    await grown(1)
    Object.assign(supply, { min: 2 })
    const again = open()
    await lease(again)
    await lease(again)
    await until(() => again.size === 2, 1_000, 'the second')
    expect([desk.made, pool.size]).toEqual([2, 1])
  })

  test('one that was proven dead is not there, and nothing is left of it', async () => {
    const { desk, lease, grown, open, store, pass, service, supply, labels } = given({ min: 2 })
    await lease()
    await grown(2)
    const second = await lease()
    expect(second.label).toBe('anonymous-1')
    service.meets('dead')
    pass(3_600_000)
    expect((await failureOf((async () => second.getCredential(never))())).reason).toBe('login-needed')
    Object.assign(supply, { min: 1 })
    const again = open()
    expect((await lease(again)).label).toBe('anonymous-2')
    expect([desk.made, labels(again), await store.keys('', 9)]).toEqual([
      2,
      ['anonymous-2'],
      ['account/upstream/anonymous-2'],
    ])
  })

  test('one whose renewal did not end is renewed first', async () => {
    const { lease, open, pass, service } = given({ min: 1 })
    const session = await lease()
    pass(3_600_000)
    await session.getCredential(never)
    service.meets('lost', 'cut')
    pass(3_600_000 - 60_000)
    await session.getCredential(never)
    await until(() => !session.isRenewing, 1_000, 'the renewal')
    const again = await lease(open())
    expect(await again.getCredential(never)).toMatchObject({ generation: 102 })
    expect(service.asked.length).toBe(4)
  })

  test('a state that fails half-way is read again, and every account is one', async () => {
    const { lease, grown, open, store, pass } = given({ min: 3 })
    await lease()
    await grown(3)
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
    await until(() => again.size === 3, 1_000, 'the others')
    const seen = new Set(await Promise.all(Array.from({ length: 6 }, () => lease(again))))
    expect([seen.size, seen.has(first)]).toEqual([3, true])
  })
})

describe('an account that is proven dead', () => {
  test('makes room for another, and nothing is left of it', async () => {
    const { desk, pool, lease, store, grown, labels } = given({ min: 2, max: 2 })
    const first = await lease()
    await grown(2)
    pool.reportFailure(first, dead())
    expect(labels()).toEqual(['anonymous-2'])
    expect(await store.keys('', 9)).toEqual(['account/upstream/anonymous-2'])
    await lease()
    await grown(2)
    expect([desk.made, labels()]).toEqual([3, ['anonymous-1', 'anonymous-2']])
  })

  test('says nothing against the one that comes after it under its name', async () => {
    const { pool, lease, kinds } = given({ min: 1, max: 1 })
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

  test('and was configured stays to be seen, and is remembered', async () => {
    const service = new RenewalServiceDouble(() => 1_000_000)
    const credential = service.token(0, -1)
    const { renewal } = service
    const account: Account = { label: 'TOKEN', credential, renewal }
    const { pool, lease, kinds, store } = given({ min: 1, accounts: [account] })
    const session = await lease()
    service.meets('dead')
    pool.reportFailure(session, await failureOf((async () => session.getCredential(never))()))
    expect(kinds()).toMatchObject({ TOKEN: 'needs-login' })
    expect(await store.keys('account/', 9)).toEqual([configuredStoreKeyOf('upstream', { credential, renewal })])
  })
})

test('an account that is being renewed is shown so', async () => {
  const { lease, service, pass, kinds } = given({ min: 1 })
  const session = await lease()
  const answer = Promise.withResolvers<Outcome>()
  service.meets(() => answer.promise)
  pass(3_600_000)
  const fresh = session.getCredential(never)
  expect(kinds()).toEqual({ 'anonymous-1': 'refreshing' })
  answer.resolve('ok')
  await fresh
  await until(() => !session.isRenewing, 1_000, 'the renewal')
  expect(kinds()).toEqual({ 'anonymous-1': 'ok' })
})
