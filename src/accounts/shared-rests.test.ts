import { expect, test } from 'bun:test'
import { ChatError, type Reason } from '../chat/error.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { machine, machineWith, newCancel } from '../wire/machine.double.ts'
import { accountsOptions } from './pool.double.ts'
import { SharedPools } from './shared-pools.ts'

const never = newCancel()
const hourMs = 3_600_000

interface Settings {
  readonly fingerprint?: string
  readonly isShared?: boolean
  readonly onLimit?: 'next' | 'rest'
}

/** Processes that share a store. Each has the accounts `a` and `b`. */
function setUp() {
  let now = Date.UTC(2026, 10, 29)
  let ids = 0
  const store = new MemoryStore({ runtime: machine })
  const runtime = machineWith({ now: () => now, newId: () => `process-${++ids}` })
  const openProcess = async ({ fingerprint = 'same', isShared = true, onLimit = 'next' }: Settings = {}) => {
    const pools = new SharedPools({ ...accountsOptions({ store, runtime }), isShared })
    const accounts = ['a', 'b'].map((label) => ({ label, credential: label }))
    const { pool, leave } = pools.enter({ name: 'lab', accounts, fingerprint, onLimit })
    await settle()
    const find = (label: string) => {
      const found = pool.accounts().find((account) => account.label === label)
      if (!found) throw new Error(`no account ${label}`)
      return found
    }
    return {
      leave,
      fail: async (label: string, reason: Reason, retryAfterMs?: number, model?: string) => {
        const timed = retryAfterMs === undefined ? {} : { retryAfterMs }
        pool.reportFailure(find(label), new ChatError(reason, { message: 'no', ...timed }), model)
        await settle()
      },
      succeed: async (label: string, model?: string) => {
        pool.reportSuccess(find(label), model)
        await settle()
      },
      wake: async (label: string) => {
        pool.wake(find(label))
        await settle()
      },
      pick: async (model?: string) => (await pool.pick({ tried: new Set(), model }, never)).label,
      states: () => Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind])),
    }
  }
  return {
    openProcess,
    stored: () => store.keys('account-rests/', 10),
    pass: (ms: number) => {
      now += ms
    },
  }
}

/** Lets what is told through the store arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

test('a rest is known to other processes, also to one that starts later, and its end too', async () => {
  const { openProcess, stored } = setUp()
  const [one, two] = [await openProcess(), await openProcess()]
  await one.fail('a', 'renewal-failed')
  const late = await openProcess()
  for (const process of [one, two, late]) {
    expect(process.states()).toEqual({ a: 'cooling', b: 'ok' })
    expect([await process.pick(), await process.pick()]).toEqual(['b', 'b'])
  }
  await late.succeed('a')
  for (const process of [one, two, late]) expect(process.states()).toEqual({ a: 'ok', b: 'ok' })
  expect(await stored()).toEqual([])
})

test('a used-up model is not asked anywhere until its time, and only its own rest ends by an answer', async () => {
  const { openProcess, pass } = setUp()
  const [one, two] = [await openProcess(), await openProcess()]
  await one.fail('a', 'rate-limited', hourMs, 'm')
  expect([await two.pick('m'), await two.pick('m')]).toEqual(['b', 'b'])
  expect(new Set([await two.pick('n'), await two.pick('n')])).toEqual(new Set(['a', 'b']))
  // an answer that began before the limit proves nothing
  await two.succeed('a', 'm')
  expect([await one.pick('m'), await one.pick('m')]).toEqual(['b', 'b'])
  pass(hourMs)
  expect(new Set([await two.pick('m'), await two.pick('m')])).toEqual(new Set(['a', 'b']))
})

test('an account that was tried early and works is used again everywhere', async () => {
  const { openProcess } = setUp()
  const [one, two] = [await openProcess(), await openProcess()]
  await one.fail('a', 'quota-exhausted', hourMs)
  expect(two.states()).toEqual({ a: 'exhausted', b: 'ok' })
  await one.wake('a')
  expect(two.states()).toEqual({ a: 'ok', b: 'ok' })
})

test('a whole upstream rests everywhere after a limit, where it should', async () => {
  const { openProcess } = setUp()
  const [one, two] = [await openProcess({ onLimit: 'rest' }), await openProcess({ onLimit: 'rest' })]
  await one.fail('a', 'rate-limited', hourMs)
  expect(two.pick()).rejects.toMatchObject({ retryAfterMs: hourMs })
})

test('a refused account is put aside everywhere, but asked once more after a restart', async () => {
  const { openProcess } = setUp()
  const [one, two] = [await openProcess(), await openProcess()]
  await one.fail('a', 'login-needed')
  expect(two.states()).toEqual({ b: 'ok', a: 'needs-login' })
  expect((await openProcess()).states()).toEqual({ a: 'ok', b: 'ok' })
})

test('the longer rest counts, and an ended one is no news', async () => {
  const { openProcess, pass } = setUp()
  const [one, two] = [await openProcess(), await openProcess()]
  await one.fail('a', 'quota-exhausted', hourMs)
  await two.fail('a', 'quota-exhausted', 60_000)
  pass(120_000)
  expect(await one.pick()).toBe('b')
  expect(one.states()).toEqual({ b: 'ok', a: 'exhausted' })
})

test('processes with other accounts, without a shared store, or that have left, learn nothing', async () => {
  const { openProcess, stored } = setUp()
  const [other, alone, left] = [
    await openProcess({ fingerprint: 'other' }),
    await openProcess({ isShared: false }),
    await openProcess(),
  ]
  left.leave()
  const one = await openProcess()
  await one.fail('a', 'renewal-failed')
  for (const process of [other, alone, left]) expect(process.states()).toEqual({ a: 'ok', b: 'ok' })
  expect(await stored()).toHaveLength(1)
})
