import { expect, test } from 'bun:test'
import { Pool } from '../../accounts/pool.ts'
import { ChatError, type Reason } from '../../chat/error.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import type { Upstream } from '../../providers/provider.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { aLog } from '../chat.double.ts'
import { AccountProber } from './account-prober.ts'

const minuteMs = 60_000

/** An upstream on a simulated machine, with two keys. Those in `refused` may not list its models. */
function setUp(parts: Partial<Upstream> = {}) {
  const runtime = new ManualRuntime()
  const pool = new Pool({ store: new MemoryStore({ runtime }), log: aLog([]), runtime, upstream: 'lab' })
  const [first, second] = ['first', 'second'].map((label) => pool.add({ label, credential: label }))
  if (!first || !second) throw new Error('There are two accounts.')
  const refused = new Set<unknown>()
  const startedAt = runtime.elapsed()
  const asked: { readonly label: string; readonly at: number }[] = []
  let running = 0
  let most = 0
  const upstream: Upstream = {
    name: 'lab',
    accounts: [],
    support: { parameters: {} },
    async listModels({ label, credential }) {
      asked.push({ label, at: runtime.elapsed() - startedAt })
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
      if (refused.has(credential)) throw new ChatError('account-refused', { message: '', upstreamStatus: 401 })
      return []
    },
    chat: () => {
      throw new Error('An account is not tried with a chat.')
    },
    ...parts,
  }
  const prober = new AccountProber({ upstream, pool, runtime })
  return {
    runtime,
    pool,
    prober,
    first,
    second,
    refused,
    asked,
    most: () => most,
    stateOf: (wanted: string) => pool.states().find(({ label }) => label === wanted)?.state.kind,
    fail: (account: typeof first, reason: Reason, retryAfterMs?: number) =>
      pool.reportFailure(account, new ChatError(reason, { message: '', ...(retryAfterMs && { retryAfterMs }) })),
  }
}

test('a key that was refused is tried shortly before its rest ends, and used again if it works', async () => {
  const { runtime, first, fail, asked, stateOf } = setUp()
  fail(first, 'account-refused')
  await runtime.advance(10 * minuteMs - 11_000)
  expect([asked.length, stateOf('first')]).toEqual([0, 'refused'])
  await runtime.advance(7_000)
  expect([asked.length, stateOf('first'), runtime.timers.size]).toEqual([1, 'ok', 0])
})

test('a key that is still refused rests on, and no request of a client has to find that out', async () => {
  const { runtime, first, fail, asked, stateOf, refused } = setUp()
  refused.add('first')
  fail(first, 'account-refused')
  for (let minute = 0; minute < 60; minute++) {
    await runtime.advance(minuteMs)
    expect(stateOf('first')).toBe('refused')
  }
  expect(asked).toHaveLength(6)
  refused.clear()
  await runtime.advance(10 * minuteMs)
  expect([stateOf('first'), runtime.timers.size]).toEqual(['ok', 0])
})

test('several accounts are tried one after the other', async () => {
  const { runtime, first, second, fail, asked, most } = setUp()
  fail(first, 'account-refused')
  fail(second, 'account-refused')
  await runtime.advance(10 * minuteMs)
  expect([new Set(asked.map(({ label }) => label)).size, asked.length, most()]).toEqual([2, 2, 1])
})

test('an account that has reached a limit, is challenged, needs a login or is banned is not tried', async () => {
  for (const reason of ['rate-limited', 'quota-exhausted', 'challenged', 'login-needed', 'account-banned'] as const) {
    const { runtime, first, fail, asked } = setUp()
    fail(first, reason, 5 * minuteMs)
    expect(runtime.timers.size).toBe(0)
    await runtime.advance(60 * minuteMs)
    expect([reason, asked.length]).toEqual([reason, 0])
  }
})

test('a web product is left alone while it has asked another account to stop', async () => {
  const { runtime, first, second, fail, asked } = setUp({ isWebProduct: true })
  fail(second, 'account-refused')
  fail(first, 'challenged', 60 * minuteMs)
  await runtime.advance(9.99 * minuteMs)
  expect(asked).toEqual([])
})

test('a session that could not be renewed is renewed before a client needs it', async () => {
  const { runtime, pool, stateOf } = setUp({ listModels: async () => [] })
  let renewals = 0
  const account = pool.add({
    label: 'session',
    credential: 'old',
    renewal: {
      expiresAt: () => (renewals > 1 ? Number.MAX_SAFE_INTEGER : 0),
      aheadMs: 0,
      async renew() {
        if (++renewals === 1) throw new ChatError('renewal-failed', { message: '' })
        return 'new'
      },
      encode: (credential) => String(credential),
      decode: (text) => text,
    },
  })
  pool.reportFailure(account, new ChatError('renewal-failed', { message: '' }))
  await runtime.advance(120_000)
  expect([renewals, stateOf('session'), runtime.timers.size]).toEqual([2, 'ok', 0])
})

test('a network that fails leaves the rest as it is, and the account is tried once', async () => {
  let asked = 0
  const { runtime, first, fail } = setUp({
    listModels: async () => {
      asked++
      throw new ChatError('upstream-failed', { message: '' })
    },
  })
  fail(first, 'account-refused')
  await runtime.advance(60 * minuteMs)
  expect(asked).toBe(1)
})

test('closing stops it', async () => {
  const { runtime, first, fail, prober, asked } = setUp()
  fail(first, 'account-refused')
  prober.close()
  fail(first, 'account-refused')
  await runtime.advance(60 * minuteMs)
  expect([asked.length, runtime.timers.size]).toEqual([0, 0])
})
