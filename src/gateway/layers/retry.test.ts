import { expect, test } from 'bun:test'
import { poolOf } from '../../accounts/pool.double.ts'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { maxAttempts } from '../../flow/attempts.ts'
import { beginAttempt } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { cancelWith, machine } from '../../wire/machine.double.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { account, type WithAccount } from './account.ts'
import { choices } from './choices.ts'
import { retry } from './retry.ts'
import { RetryBudget } from './retry-budget.ts'

const failing = (reason: Reason, retryAfterMs?: number) =>
  new ChatError(reason, { message: reason, ...(retryAfterMs !== undefined && { retryAfterMs }) })

/** Calls one chat after the other, and the last one again and again. It also counts the calls. */
function inTurn(...chats: readonly Chat[]) {
  let asked = 0
  const chat: Chat = (request, call) => {
    const next = chats[Math.min(asked++, chats.length - 1)] ?? answering()
    return next(request, call)
  }
  return { chat, asked: () => asked }
}

/** A call without jitter. */
const callWithoutJitter = (signal = cancelWith({ random: () => 0 })) => aCall(signal)

test('P8: a failure before the first event is retried, and the client gets one complete answer', async () => {
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(text('a'), finish()))
  const call = callWithoutJitter()
  expect(await drain(retry(new RetryBudget(machine))(chat)(aRequest, call))).toEqual({
    events: [text('a'), finish()],
    thrown: undefined,
  })
  expect([asked(), call.receipt.attempts]).toEqual([2, 2])
})

test('P8: nothing is retried after the first event, wherever the upstream breaks off', async () => {
  for (let events = 1; events <= 20; events++) {
    const error = failing('upstream-failed')
    const hinted: ChatEvent[] = Array.from({ length: events }, (_, at) => text(String(at)))
    const { chat, asked } = inTurn(answering(...hinted, error), answering(text('again'), finish()))
    expect(await drain(retry(new RetryBudget(machine))(chat)(aRequest, callWithoutJitter()))).toEqual({
      events: hinted,
      thrown: error,
    })
    expect(asked()).toBe(1)
  }
})

test('a failure that a retry would not correct is not retried', async () => {
  for (const reason of [
    'invalid-request',
    'content-filtered',
    'upstream-outdated',
    'model-not-found',
    'internal',
  ] as const) {
    const { chat, asked } = inTurn(answering(failing(reason)))
    expect((await drain(retry(new RetryBudget(machine))(chat)(aRequest, callWithoutJitter()))).thrown).toMatchObject({
      reason,
    })
    expect(asked()).toBe(1)
  }
})

test('the same account is retried once, and not at all if its upstream asks for more than two seconds', async () => {
  const once = inTurn(answering(failing('overloaded')))
  await drain(retry(new RetryBudget(machine))(once.chat)(aRequest, callWithoutJitter()))
  expect(once.asked()).toBe(2)
  const hinted = inTurn(answering(failing('overloaded', 2_001)))
  await drain(retry(new RetryBudget(machine))(hinted.chat)(aRequest, callWithoutJitter()))
  expect(hinted.asked()).toBe(1)
})

test('the wait before a retry is the upstream’s wish plus jitter', async () => {
  const runtime = Object.assign(new ManualRuntime(), { random: () => 0.1 })
  const { chat, asked } = inTurn(answering(failing('overloaded', 30)), answering(finish()))
  const answer = drain(retry(new RetryBudget(runtime))(chat)(aRequest, aCall(new CancelSource(runtime))))
  await runtime.advance(49)
  expect(asked()).toBe(1)
  await runtime.advance(1)
  expect(asked()).toBe(2)
  expect((await answer).events).toEqual([finish()])
  expect(runtime.timers.size).toBe(0)
})

test('a call that is aborted during the wait for a retry ends with the reason of the abort', async () => {
  const runtime = new ManualRuntime()
  const controller = new CancelSource(runtime)
  const { chat, asked } = inTurn(answering(failing('overloaded', 2_000)))
  const gone = failing('cancelled')
  const answer = drain(retry(new RetryBudget(runtime))(chat)(aRequest, aCall(controller)))
  await runtime.advance(20)
  controller.abort(gone)
  expect((await answer).thrown).toBe(gone)
  expect(asked()).toBe(1)
  expect(runtime.timers.size).toBe(0)
})

function withPool(count: number, chat: Chat<WithAccount>, budget = new RetryBudget(machine)) {
  const { pool, accounts } = poolOf(Array.from({ length: count }, (_, at) => ({ label: `a${at}`, credential: at })))
  return { pool, accounts, chat: retry(budget)(account(pool, 'upstream')(chat)) }
}

test('P21: failing accounts are replaced by others, up to the limit of attempts', async () => {
  const asked: string[] = []
  const { chat } = withPool(
    10,
    chatOf(async function* (_request, { account: { label } }) {
      asked.push(label)
      if (label !== 'a2') throw failing('account-refused')
      yield finish()
    }),
  )
  const call = callWithoutJitter()
  expect((await drain(chat(aRequest, call))).events).toEqual([finish()])
  expect(asked).toEqual(['a0', 'a1', 'a2'])
  expect(call.receipt).toMatchObject({ attempts: 3, upstream: 'upstream' })
})

test('no call makes more attempts than the limit', async () => {
  const { chat } = withPool(10, () => answering(failing('account-refused'))(aRequest, callWithoutJitter()))
  const call = callWithoutJitter()
  expect((await drain(chat(aRequest, call))).thrown).toMatchObject({ reason: 'account-refused' })
  expect(call.receipt.attempts).toBe(maxAttempts)
})

test('if no account is left, the client gets the failure of the last one', async () => {
  const { chat } = withPool(2, () => answering(failing('account-refused'))(aRequest, callWithoutJitter()))
  expect((await drain(chat(aRequest, callWithoutJitter()))).thrown).toMatchObject({ reason: 'account-refused' })
})

/** Spends a budget whose clock stands still, and returns the number of retries. */
function spendAll(budget: RetryBudget): number {
  let retries = 0
  while (budget.withdraw()) retries++
  return retries
}

test('P7: a call that finds every account rate limited costs no retry, and gets 429 with the soonest time', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { pool, accounts, chat } = withPool(2, answering(finish()), budget)
  for (const [at, leased] of accounts.entries())
    pool.reportFailure(leased, failing('rate-limited', 60_000 + at * 1_000))
  const call = callWithoutJitter()
  const { thrown } = await drain(chat(aRequest, call))
  expect(thrown).toMatchObject({ reason: 'rate-limited' })
  expect(thrown instanceof ChatError && thrown.retryAfterMs).toBeWithin(50_000, 60_001)
  expect(call.receipt.attempts).toBe(0)
  expect(spendAll(budget)).toBe(10)
})

test('P7: a single rate-limited account is asked once, for at most one retry', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { chat } = withPool(1, () => answering(failing('rate-limited', 60_000))(aRequest, callWithoutJitter()), budget)
  const call = callWithoutJitter()
  expect((await drain(chat(aRequest, call))).thrown).toMatchObject({ reason: 'rate-limited' })
  expect(spendAll(budget)).toBeGreaterThanOrEqual(9)
})

test('an account that answered is ok, and one that failed rests', async () => {
  const { pool, chat } = withPool(
    2,
    chatOf(async function* (_request, { account: { label } }) {
      if (label === 'a0') throw failing('challenged')
      yield finish()
    }),
  )
  await drain(chat(aRequest, callWithoutJitter()))
  expect(Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind]))).toEqual({
    a0: 'challenged',
    a1: 'ok',
  })
})

test('P7: an empty budget allows no retry, and the failure is reported', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  spendAll(budget)
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(finish()))
  expect((await drain(retry(budget)(chat)(aRequest, callWithoutJitter()))).thrown).toMatchObject({
    reason: 'upstream-failed',
  })
  expect(asked()).toBe(1)
})

test('P7: a call that has failed at another upstream counts as a retry, and adds no credit', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { chat, asked } = inTurn(answering(finish()))
  const later = () => {
    const call = callWithoutJitter()
    call.attempts.spend()
    return drain(retry(budget)(chat)(aRequest, call))
  }
  for (let calls = 0; calls < 10; calls++) expect((await later()).thrown).toBeUndefined()
  expect((await later()).thrown).toMatchObject({ reason: 'unavailable', code: 'retry_budget' })
  expect(asked()).toBe(10)
})

test('the attempts and the account in the receipt have no effect', async () => {
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(failing('account-refused')))
  const call = callWithoutJitter()
  Object.assign(call.receipt, { attempts: 99, account: 'of-another-answer' })
  const { thrown } = await drain(retry(new RetryBudget(machine))(chat)(aRequest, call))
  expect(asked()).toBe(maxAttempts)
  expect(thrown).toMatchObject({ reason: 'account-refused', message: 'account-refused' })
})

test('each of several answers names its own account in its error', async () => {
  const begun = Promise.withResolvers<void>()
  const labels = ['a0', 'a1']
  const chat: Chat = chatOf((_request, call) => {
    beginAttempt(call, { upstream: 'upstream', account: labels.shift() ?? 'none', request: { model: 'model' } })
    if (labels.length > 0) return failingAfter(begun.promise)
    begun.resolve()
    return failingAfter(silence(call.signal))
  })
  const call = callWithoutJitter()
  for (let spent = 1; spent < maxAttempts; spent++) call.attempts.spend()
  const sideBySide = choices({ parameters: { choices: 'emulated' } })(retry(new RetryBudget(machine))(chat))
  const { thrown } = await drain(sideBySide({ ...aRequest, parameters: { choices: 2 } }, call))
  expect(call.receipt.account).toBe('a1')
  expect(thrown).toMatchObject({ message: expect.stringContaining('The account is a0') })
})

async function* failingAfter(before: Promise<unknown>): AsyncGenerator<ChatEvent> {
  await before
  yield* events(answering(failing('account-refused'))(aRequest, callWithoutJitter()))
}

test('closing a retried flow closes its source', async () => {
  const closed = Promise.withResolvers<void>()
  const chat: Chat = chatOf(async function* () {
    try {
      yield text('a')
      yield text('b')
    } finally {
      closed.resolve()
    }
  })
  for await (const _ of events(retry(new RetryBudget(machine))(chat)(aRequest, callWithoutJitter()))) break
  await closed.promise
})
