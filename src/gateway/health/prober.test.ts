import { expect, test } from 'bun:test'
import { Pool } from '../../accounts/pool.ts'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import type { Upstream } from '../../providers/provider.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { aLog, type LogLine } from '../chat.double.ts'
import { Prober } from './prober.ts'
import { UpstreamHealth } from './upstream-health.ts'

type Answer = (signal: Cancel) => Promise<readonly []>

const lists: Answer = async () => []
const fails =
  (reason: Reason, options: { code?: string; upstreamStatus?: number } = {}): Answer =>
  async () => {
    throw new ChatError(reason, { message: reason, ...options })
  }
const isDown = fails('upstream-failed', { code: 'upstream_unreachable' })

/** An upstream on a simulated machine, with one account. What its list answers can be changed at any time. */
function setUp(first: Answer, parts: Partial<Upstream> = {}) {
  const runtime = new ManualRuntime()
  const lines: LogLine[] = []
  const log = aLog(lines)
  const pool = new Pool({ store: new MemoryStore({ runtime }), log, runtime, upstream: 'lab' })
  const account = pool.add({ label: 'key', credential: 'key' })
  const health = new UpstreamHealth({ log, runtime })
  let answers = first
  const startedAt = runtime.elapsed()
  const askedAt: number[] = []
  const upstream: Upstream = {
    name: 'lab',
    accounts: [],
    support: { parameters: {} },
    listModels(_account, signal) {
      askedAt.push(runtime.elapsed() - startedAt)
      return answers(signal)
    },
    chat: () => {
      throw new Error('A probe in the background must not be a chat.')
    },
    ...parts,
  }
  const prober = new Prober({ upstream, pool, health, log, runtime })
  return {
    runtime,
    pool,
    account,
    health,
    lines,
    prober,
    askedAt,
    answer(to: Answer) {
      answers = to
    },
    eject(code = 'upstream_unreachable') {
      const error = new ChatError('upstream-failed', { message: '', code })
      for (let failure = 0; failure < 5; failure++) health.noteFailure('m', error, health.ejections)
    },
  }
}

test('an upstream that comes back is found within the next pause, before any request of a client', async () => {
  const { runtime, health, eject, answer, askedAt, lines } = setUp(isDown)
  eject()
  await runtime.advance(20_000)
  expect(health.status().state).toBe('ejected')
  answer(lists)
  await runtime.advance(20_000)
  expect([health.status().state, health.standing('m')]).toEqual(['good', 'good'])
  const pauses = askedAt.map((at, index) => Math.round((at - (askedAt[index - 1] ?? 0)) / 1_000))
  expect(pauses).toEqual([1, 2, 4, 8, 16].map((pause, index) => pauses[index] ?? pause))
  expect(lines.at(-1)?.message).toBe('an ejected upstream can be reached again')
  // and then it is quiet
  const { length } = askedAt
  await runtime.advance(3_600_000)
  expect([askedAt.length, runtime.timers.size]).toEqual([length, 0])
})

test('nothing is asked, and no timer is set, while nothing is ejected', async () => {
  const { runtime, health, askedAt } = setUp(lists)
  const error = new ChatError('overloaded', { message: '' })
  for (let failure = 0; failure < 4; failure++) health.noteFailure('m', error, 0)
  await runtime.advance(600_000)
  expect([askedAt, runtime.timers.size]).toEqual([[], 0])
})

test('an upstream that hangs is asked about once a minute, one request at a time', async () => {
  const running = new Set<object>()
  let most = 0
  const { runtime, eject, askedAt } = setUp((signal) => {
    running.add(signal)
    most = Math.max(most, running.size)
    signal.onAbort(() => running.delete(signal))
    return new Promise<never>(() => undefined)
  })
  eject()
  await runtime.advance(60_000)
  const early = askedAt.length
  await runtime.advance(3_600_000)
  expect([most, early < 5, askedAt.length - early > 40, askedAt.length - early < 70]).toEqual([1, true, true, true])
})

test('an ejected model gets an early probe after each list, with growing pauses, until its ejection ends', async () => {
  const { runtime, health, eject, askedAt } = setUp(lists)
  eject('other')
  for (const pauseMs of [1_500, 2_500, 5_000]) {
    expect(health.standing('m')).toBe('open')
    await runtime.advance(pauseMs)
    expect(health.standing('m')).toBe('good')
    health.takeProbes('m')
    eject('other')
  }
  await runtime.advance(600_000)
  expect([askedAt.length <= 5, runtime.timers.size]).toEqual([true, 0])
})

test('if the list failed too, the first list that comes ends the ejection of the model', async () => {
  const { runtime, health, eject, answer } = setUp(fails('overloaded', { upstreamStatus: 503 }))
  eject('other')
  await runtime.advance(1_500)
  expect(health.standing('m')).toBe('open')
  answer(lists)
  await runtime.advance(5_000)
  expect([health.standing('m'), health.needsProbe('m')]).toEqual(['good', false])
})

test('an upstream that refuses to list its models has been reached', async () => {
  const { runtime, health, eject } = setUp(fails('upstream-failed', { upstreamStatus: 404 }))
  eject()
  await runtime.advance(2_000)
  expect(health.status().state).toBe('good')
})

test('a web product is left alone while one of its accounts rests, needs a login or is banned', async () => {
  for (const reason of ['rate-limited', 'challenged', 'account-banned', 'login-needed'] as const) {
    const { runtime, pool, account, eject, askedAt } = setUp(lists, { isWebProduct: true })
    pool.add({ label: 'other', credential: 'other' })
    pool.reportFailure(account, new ChatError(reason, { message: '', retryAfterMs: 60_000 }))
    eject()
    await runtime.advance(50_000)
    expect([reason, askedAt.length]).toEqual([reason, 0])
  }
})

test('an account that needs a login asks nothing, and a key that is refused rests', async () => {
  const { runtime, pool, account, eject, askedAt } = setUp(fails('account-refused', { upstreamStatus: 401 }))
  const other = pool.add({ label: 'other', credential: 'other' })
  pool.reportFailure(account, new ChatError('login-needed', { message: '' }))
  eject()
  await runtime.advance(100_000)
  expect(askedAt).toHaveLength(1)
  expect(pool.states().find(({ label }) => label === other.label)?.state.kind).toBe('refused')
})

test('an upstream without a list is not asked in the background', async () => {
  const runtime = new ManualRuntime()
  const log = aLog([])
  const pool = new Pool({ store: new MemoryStore({ runtime }), log, runtime, upstream: 'lab' })
  const health = new UpstreamHealth({ log, runtime })
  const upstream: Upstream = {
    name: 'lab',
    accounts: [],
    support: { parameters: {} },
    chat: () => {
      throw new Error()
    },
  }
  new Prober({ upstream, pool, health, log, runtime })
  for (let failure = 0; failure < 5; failure++) health.noteFailure('m', new ChatError('overloaded', { message: '' }), 0)
  expect(runtime.timers.size).toBe(0)
})

test('closing ends the request and the timer', async () => {
  const { runtime, prober, eject, askedAt } = setUp(isDown)
  eject()
  await runtime.advance(1_500)
  prober.close()
  eject('other')
  await runtime.advance(600_000)
  expect([askedAt.length, runtime.timers.size]).toEqual([1, 0])
})
