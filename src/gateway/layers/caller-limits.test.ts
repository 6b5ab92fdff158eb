import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import type { Caller, CallerLimits } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Call } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { sleep } from '../../flow/wait.ts'
import { Limiter } from '../../keys/limiter.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { aCall, aLog, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { callerLimits } from './caller-limits.ts'

const tokensEach = 100
const dollarsEach = 0.001

/** A chat behind the limits of one key. Each answer costs what was expected, unless a test says otherwise. */
function open(
  limits: CallerLimits,
  chat?: Chat,
  { runtime = new ManualRuntime(), store = new MemoryStore({ runtime }) } = {},
) {
  const log = aLog([])
  const limiter = new Limiter({ store, log, runtime })
  const caller: Caller = { id: 'key', name: 'key', role: 'client', limits }
  const measure = (request: ChatRequest) => ({
    requests: request.model === 'panel' ? 3 : 1,
    tokens: () => tokensEach,
    cost: () => dollarsEach,
  })
  const spend = (tokens = tokensEach) => limiter.spend(caller, () => ({ tokens, cost: dollarsEach }))
  const echo = chatOf(async function* () {
    yield text('a')
    spend()
    yield finish()
  })
  const limited = callerLimits(limiter, measure)(chat ?? echo)
  const callWith = (signal = new CancelSource(runtime)): Call => ({ ...aCall(signal), caller })
  const ask = (model = 'm', signal?: CancelSource) => limited({ ...aRequest, model }, callWith(signal))
  const left = () => limiter.left(caller)
  return { runtime, limiter, caller, ask, left, spend, store }
}

const outcomesOf = async (asked: readonly ReturnType<ReturnType<typeof open>['ask']>[]) => {
  const ends = await Promise.all(asked.map(drain))
  const refusals = ends.map(({ thrown }) => thrown).filter((thrown) => thrown instanceof ChatError)
  return { answered: ends.length - refusals.length, refusals }
}
const thousand = (one: () => ReturnType<ReturnType<typeof open>['ask']>) => Array.from({ length: 1_000 }, one)

describe('P19: of 1,000 requests at once', () => {
  test('exactly as many run as a minute may have, and the next can after the time that was told', async () => {
    const { ask, runtime, left } = open({ rpm: 10 })
    const { answered, refusals } = await outcomesOf(thousand(() => ask()))
    expect(answered).toBe(10)
    const waits = new Set(refusals.map(({ reason, code, retryAfterMs }) => `${reason} ${code} ${retryAfterMs}`))
    expect([...waits]).toEqual(['limit-reached rate_limit_exceeded 61000'])
    expect(left()).toMatchObject({ requests: { limit: 10, remaining: 0, resetMs: 61_000 } })
    await runtime.advance(60_999)
    expect((await outcomesOf([ask()])).answered).toBe(0)
    await runtime.advance(1)
    expect((await outcomesOf(thousand(() => ask()))).answered).toBe(10)
  })

  test('exactly as many run as their tokens allow', async () => {
    const { ask, left } = open({ tpm: 1_050 })
    expect((await outcomesOf(thousand(() => ask()))).answered).toBe(10)
    expect(left()?.tokens?.remaining).toBe(50)
  })

  test('exactly as many run as a budget of tokens or of money allows', async () => {
    for (const budget of [
      { amount: 1_000, unit: 'tokens' },
      { amount: 0.01, unit: 'USD', period: 'day' },
    ] as const) {
      const { ask } = open({ budget })
      const { answered, refusals } = await outcomesOf(thousand(() => ask()))
      expect(answered).toBe(10)
      expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['budget_exceeded']))
    }
  })

  test('no more run at the same time than may, 64 wait for their turn in order, and the others are refused', async () => {
    const order: string[] = []
    let [running, most] = [0, 0]
    const slow = chatOf(async function* ({ model }) {
      order.push(model)
      most = Math.max(most, ++running)
      await Promise.resolve()
      yield finish()
      running--
    })
    const { ask } = open({ concurrent: 10 }, slow)
    let count = 0
    const { answered, refusals } = await outcomesOf(thousand(() => ask(`m${count++}`)))
    expect(most).toBe(10)
    expect(answered).toBe(74)
    expect(order).toEqual(Array.from({ length: 74 }, (_, at) => `m${at}`))
    for (const { code, retryAfterMs } of refusals) {
      expect(code).toBe('concurrency_limit')
      expect(retryAfterMs).toBeWithin(1_000, 5_001)
    }
  })
})

test('a panel counts once for each member', async () => {
  const { ask } = open({ rpm: 7 })
  const { answered } = await outcomesOf([ask('panel'), ask('panel'), ask('panel'), ask('m'), ask('m')])
  expect(answered).toBe(3)
})

test('a request that needs more than all of a limit runs alone', async () => {
  const { ask } = open({ rpm: 2, tpm: 10 })
  expect((await outcomesOf([ask('panel')])).answered).toBe(1)
  expect((await outcomesOf([ask('m')])).answered).toBe(0)
})

test('a request waits 10 seconds for its turn at most, and counts for nothing then', async () => {
  const { ask, runtime, left } = open(
    { concurrent: 1, rpm: 5 },
    chatOf(async function* (_request, { signal }) {
      yield text('a')
      await silence(signal)
    }),
  )
  const first = ask()
  await first.next()
  const second = drain(ask())
  await runtime.advance(9_999)
  expect(left()?.requests?.remaining).toBe(3)
  await runtime.advance(1)
  expect((await second).thrown).toMatchObject({ code: 'concurrency_limit' })
  expect(left()?.requests?.remaining).toBe(4)
  first.close()
})

test('an expected use is given back at the end, and what was used counts', async () => {
  const { ask, left, spend } = open(
    { tpm: 1_000 },
    chatOf(async function* ({ model }) {
      yield text('a')
      if (model === 'fails') throw new ChatError('upstream-failed', { message: '' })
      spend(7)
      yield finish()
    }),
  )
  const flow = ask()
  await flow.next()
  expect(left()?.tokens?.remaining).toBe(900)
  await drain(flow)
  expect(left()?.tokens?.remaining).toBe(993)
  await drain(ask('fails'))
  expect(left()?.tokens?.remaining).toBe(993)
})

test('P19: no permit and no reservation is lost in 1,000 rounds, however requests end', async () => {
  const max = 3
  const runtime = new ManualRuntime(7)
  const { ask, limiter, caller } = open(
    { concurrent: max, tpm: 1_000_000 },
    chatOf(async function* ({ model }, { signal }) {
      if (model === 'fails at once') throw new ChatError('upstream-failed', { message: '' })
      yield text('a')
      if (model === 'fails') throw new ChatError('upstream-failed', { message: '' })
      if (model === 'ends') yield finish()
      else await silence(signal)
    }),
    { runtime, store: new MemoryStore({ runtime }) },
  )
  const ending = fc.constantFrom('ends', 'fails', 'fails at once', 'aborts', 'leaves', 'never begins')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(ending, fc.nat(3)), { minLength: 1, maxLength: 12 }), async (requests) => {
      const asked = requests.map(([model, turns]) => {
        const signal = new CancelSource(runtime)
        const flow = ask(model, signal)
        return { model, turns, signal, flow, read: model === 'never begins' ? undefined : drain(flow) }
      })
      for (let turn = 0; turn <= 3; turn++) {
        await runtime.settle()
        for (const { model, signal, flow } of asked.filter((one) => one.turns === turn)) {
          if (model === 'aborts') signal.abort(new ChatError('cancelled', { message: '' }))
          if (model === 'leaves') flow.close()
        }
      }
      await Promise.all(asked.map(({ read }) => read))
      await runtime.settle()
      const signals = Array.from({ length: max + 1 }, () => new CancelSource(runtime))
      const flows = signals.map((signal) => eventsOf(ask('waits', signal)))
      const begun = flows.map((flow) => flow.next())
      await runtime.settle()
      const last = Promise.race([begun[max], Promise.resolve('waits')])
      expect(await last).toBe('waits')
      for (const first of begun.slice(0, max)) expect((await first).done).toBe(false)
      for (const signal of signals) signal.abort(new ChatError('cancelled', { message: '' }))
      await Promise.allSettled([...begun, ...flows.map((flow) => flow.return(undefined))])
      await runtime.settle()
      expect(limiter.left(caller)?.tokens?.remaining).toBe(1_000_000)
    }),
    { numRuns: runs(1_000) },
  )
})

describe('a budget', () => {
  const day = { budget: { amount: 250, unit: 'tokens', period: 'day' } } as const

  test('is spent after a restart too, and begins anew with the next day', async () => {
    const runtime = new ManualRuntime()
    const store = new MemoryStore({ runtime })
    const before = open(day, undefined, { runtime, store })
    expect((await outcomesOf([before.ask(), before.ask(), before.ask(), before.ask()])).answered).toBe(3)
    await before.limiter.flush()
    const after = open(day, undefined, { runtime, store })
    const { answered, refusals } = await outcomesOf([after.ask()])
    expect(answered).toBe(0)
    // the clock of the test begins at midnight
    expect(refusals[0]?.retryAfterMs).toBe(86_400_000)
    await runtime.advance(86_400_000)
    expect((await outcomesOf([after.ask()])).answered).toBe(1)
  })

  test('that is spent lets none of ten through that come at once after a restart, before the store has answered', async () => {
    const runtime = new ManualRuntime()
    const memory = new MemoryStore({ runtime })
    await memory.increment('client-budget/key/2026-01-01 tokens', 250)
    const store = new Proxy(memory, {
      get: (target, name) =>
        name !== 'increment'
          ? Reflect.get(target, name)
          : async (...added: Parameters<MemoryStore['increment']>) => {
              await sleep(100, new CancelSource(runtime))
              return memory.increment(...added)
            },
    })
    const { ask } = open(day, undefined, { runtime, store })
    const outcomes = outcomesOf(Array.from({ length: 10 }, () => ask()))
    await runtime.advance(100)
    expect((await outcomes).answered).toBe(0)
  })

  test('is counted in this process while the store fails', async () => {
    const runtime = new ManualRuntime()
    const memory = new MemoryStore({ runtime })
    let isFailing = true
    const store = new Proxy(memory, {
      get: (target, name) =>
        name !== 'increment'
          ? Reflect.get(target, name)
          : async (...added: Parameters<MemoryStore['increment']>) => {
              if (isFailing) throw new ChatError('unavailable', { message: '' })
              return memory.increment(...added)
            },
    })
    const { ask, limiter } = open(day, undefined, { runtime, store })
    expect((await outcomesOf([ask(), ask(), ask(), ask()])).answered).toBe(3)
    isFailing = false
    await limiter.flush()
    expect(await memory.increment('client-budget/key/2026-01-01 tokens', 0)).toBe(300)
  })
})
