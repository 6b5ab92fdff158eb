import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { machine, machineWith, newCancel } from '../wire/machine.double.ts'
import type { Account } from './account.ts'
import { accountsOptions } from './pool.double.ts'
import { RenewalServiceDouble } from './renewal-service.double.ts'
import { type SharedPool, SharedPools } from './shared-pools.ts'

const hourMs = 3_600_000
const now = Date.UTC(2026, 10, 29)
const never = newCancel()

/** @param version another credential under the same label */
function declared(label: string, version = 1): Account {
  return { label, credential: `${label} ${version}`, fingerprint: `${label} ${version}` }
}

function openPools() {
  const pools = new SharedPools(accountsOptions({ now: () => now }))
  const enter = (accounts: readonly Account[], fingerprint?: string) =>
    pools.enter({ name: 'lab', accounts, ...(fingerprint !== undefined && { fingerprint }) })
  return { enter }
}

function rest({ pool }: SharedPool, label: string): void {
  const account = pool.accounts().find((one) => one.label === label)
  const error = new ChatError('rate-limited', { message: 'no', retryAfterMs: hourMs })
  if (account) pool.reportFailure(account, error)
}

const states = ({ pool }: SharedPool) => pool.states().map(({ label, state }) => `${label} ${state.kind}`)

describe('an upstream whose accounts change', () => {
  test('keeps what is known of the others, adds and removes those that differ', () => {
    const { enter } = openPools()
    const first = enter([declared('a'), declared('b'), declared('c')], 'same')
    for (const label of ['a', 'b', 'c']) rest(first, label)
    const second = enter([declared('a'), declared('b', 2), declared('d')], 'same')
    expect(second.pool).toBe(first.pool)
    expect(states(second).toSorted()).toEqual(['a cooling', 'b ok', 'd ok'])
    const [a] = second.pool.accounts().filter(({ label }) => label === 'a')
    expect(a).toBe(first.pool.accounts().find(({ label }) => label === 'a'))
  })

  test('has another pool if they are used in another way, or nothing says that they are not', () => {
    const { enter } = openPools()
    const first = enter([declared('a')], 'same')
    rest(first, 'a')
    expect(states(enter([declared('a')], 'other'))).toEqual(['a ok'])
    expect(states(enter([declared('a')]))).toEqual(['a ok'])
    expect(states(first)).toEqual(['a cooling'])
  })

  test('lets the renewal of a removed account run to its end, and finds its credential when it is added again', async () => {
    const service = new RenewalServiceDouble(() => now)
    const account = {
      ...{ label: 'a', credential: service.token(0, 1), fingerprint: 'a' },
      renewal: service.renewal,
    }
    const pools = new SharedPools(accountsOptions({ now: () => now }))
    const enter = (accounts: readonly Account[]) => pools.enter({ name: 'lab', accounts, fingerprint: 'same' }).pool
    const pool = enter([account, declared('b')])
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<'ok'>()
    service.setOutcomes(() => {
      begun.resolve()
      return gate.promise
    })
    const [live] = pool.accounts()
    const renewing = live?.getCredential(never)
    await begun.promise
    enter([declared('b')])
    expect(pool.accounts().map(({ label }) => label)).toEqual(['b'])
    // added again while the service still works on the renewal
    enter([declared('b'), account])
    const again = pool.accounts().find(({ label }) => label === 'a')
    const found = again?.getCredential(never)
    gate.resolve('ok')
    expect(await found).toEqual(await renewing)
    expect([service.asked.length, service.most]).toEqual([1, 1])
  })
})

describe('a rest by the operator', () => {
  const openAt = () => {
    let time = now
    const runtime = machineWith({ now: () => time })
    return { pools: new SharedPools(accountsOptions({ runtime })), pass: (ms: number) => (time += ms) }
  }
  const open = () => {
    const { pools, pass } = openAt()
    const { pool } = pools.enter({ name: 'lab', accounts: [declared('a'), declared('b')], fingerprint: 'same' })
    const find = (label: string) => pool.accounts().find((account) => account.label === label)
    const pick = async () => (await pool.pick({ tried: new Set() }, never)).label
    return { pool, find, pick, pass }
  }

  test('keeps the account from being used until its end, whatever its running calls report', async () => {
    const { pool, find, pick, pass } = open()
    const a = find('a')
    const state = { kind: 'cooling' as const, until: now + hourMs, why: 'rested_by_operator' }
    expect(pool.restByOperator('a', hourMs)).toMatchObject({ label: 'a', state })
    if (a) {
      pool.reportSuccess(a)
      pool.reportFailure(a, new ChatError('rate-limited', { message: 'no', retryAfterMs: 1_000 }))
      // a test of the account shows that it works, which is not what the operator asked
      expect(pool.wake(a)).toBe(false)
    }
    expect([await pick(), await pick()]).toEqual(['b', 'b'])
    pool.restByOperator('b', 2 * hourMs)
    expect(pick()).rejects.toMatchObject({ reason: 'rate-limited', retryAfterMs: hourMs })
    pass(hourMs)
    expect(await pick()).toBe('a')
  })

  test('is ended by the operator, and can be made shorter', async () => {
    const { pool, pick } = open()
    pool.restByOperator('a', 5 * hourMs)
    pool.restByOperator('b', 5 * hourMs)
    expect(pool.wakeByOperator('a')).toMatchObject({ state: { kind: 'ok' } })
    expect(await pick()).toBe('a')
    expect(pool.restByOperator('b', hourMs)).toMatchObject({ state: { until: now + hourMs } })
  })

  test('holds also where only the account that has reached a limit may try again', async () => {
    const { pools, pass } = openAt()
    const accounts = [declared('a'), declared('b')]
    const { pool } = pools.enter({ name: 'lab', accounts, fingerprint: 'same', onLimit: 'rest' })
    const a = pool.accounts().find(({ label }) => label === 'a')
    if (a) pool.reportFailure(a, new ChatError('quota-exhausted', { message: 'no' }))
    pool.restByOperator('a', hourMs)
    // by now the gateway would try a limit whose end it only guessed
    pass(11 * 60_000)
    expect(() => pool.pick({ tried: new Set() }, never)).toThrow(/^All accounts of lab rest until/)
    pool.wakeByOperator('a')
    expect((await pool.pick({ tried: new Set() }, never)).label).toBeOneOf(['a', 'b'])
  })

  test('cannot be ended or begun for an account that needs a login, or for none', () => {
    const { pool, find } = open()
    const a = find('a')
    if (a) pool.reportFailure(a, new ChatError('login-needed', { message: 'Sign in again.' }))
    const dead = { state: { kind: 'needs-login' } }
    expect(pool.wakeByOperator('a')).toMatchObject(dead)
    expect(pool.restByOperator('a', hourMs)).toMatchObject(dead)
    expect([pool.wakeByOperator('x'), pool.restByOperator('x', hourMs)]).toEqual([undefined, undefined])
  })

  test('is known to other processes, and so are a shorter one and its end', async () => {
    const store = new MemoryStore({ runtime: machine })
    let ids = 0
    const runtime = machineWith({ now: () => now, newId: () => `process-${++ids}` })
    const openProcess = async () => {
      const pools = new SharedPools({ ...accountsOptions({ store, runtime }), isShared: true })
      const entered = pools.enter({ name: 'lab', accounts: [declared('a')], fingerprint: 'same' })
      for (let turns = 0; turns < 20; turns++) await Promise.resolve()
      return entered.pool
    }
    const [one, two] = [await openProcess(), await openProcess()]
    const seen = async () => {
      for (let turns = 0; turns < 20; turns++) await Promise.resolve()
      return two.states()[0]?.state
    }
    one.restByOperator('a', 2 * hourMs)
    expect(await seen()).toMatchObject({ kind: 'cooling', until: now + 2 * hourMs })
    one.restByOperator('a', hourMs)
    expect(await seen()).toMatchObject({ until: now + hourMs })
    one.wakeByOperator('a')
    expect(await seen()).toEqual({ kind: 'ok' })
  })
})
