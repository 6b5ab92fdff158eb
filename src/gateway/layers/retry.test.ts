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
import { noThreads } from './thread.ts'

const failing = (reason: Reason, retryAfterMs?: number) =>
  new ChatError(reason, { message: reason, ...(retryAfterMs !== undefined && { retryAfterMs }) })

/** One chat after the other, the last one again and again; with the number of times any was asked. */
function inTurn(...chats: readonly Chat[]) {
  let asked = 0
  const chat: Chat = (request, call) => {
    const next = chats[Math.min(asked++, chats.length - 1)] ?? answering()
    return next(request, call)
  }
  return { chat, asked: () => asked }
}

/** A call without jitter. */
const calmCall = (signal = cancelWith({ random: () => 0 })) => aCall(signal)

test('P8: a failure before the first event is tried again, and the client sees one clean answer', async () => {
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(text('a'), finish()))
  const call = calmCall()
  expect(await drain(retry(new RetryBudget(machine))(chat)(aRequest, call))).toEqual({
    events: [text('a'), finish()],
    thrown: undefined,
  })
  expect([asked(), call.receipt.attempts]).toEqual([2, 2])
})

test('P8: nothing is ever tried again after the first event, wherever the upstream breaks', async () => {
  for (let events = 1; events <= 20; events++) {
    const error = failing('upstream-failed')
    const told: ChatEvent[] = Array.from({ length: events }, (_, at) => text(String(at)))
    const { chat, asked } = inTurn(answering(...told, error), answering(text('again'), finish()))
    expect(await drain(retry(new RetryBudget(machine))(chat)(aRequest, calmCall()))).toEqual({
      events: told,
      thrown: error,
    })
    expect(asked()).toBe(1)
  }
})

test('what the table says is worth no other try is not tried again', async () => {
  for (const reason of [
    'invalid-request',
    'content-filtered',
    'upstream-outdated',
    'model-not-found',
    'internal',
  ] as const) {
    const { chat, asked } = inTurn(answering(failing(reason)))
    expect((await drain(retry(new RetryBudget(machine))(chat)(aRequest, calmCall()))).thrown).toMatchObject({
      reason,
    })
    expect(asked()).toBe(1)
  }
})

test('the same account is tried once more, and not at all when its upstream wants over two seconds', async () => {
  const once = inTurn(answering(failing('overloaded')))
  await drain(retry(new RetryBudget(machine))(once.chat)(aRequest, calmCall()))
  expect(once.asked()).toBe(2)
  const told = inTurn(answering(failing('overloaded', 2_001)))
  await drain(retry(new RetryBudget(machine))(told.chat)(aRequest, calmCall()))
  expect(told.asked()).toBe(1)
})

test('the wait before another try is what the upstream asked for, and the jitter', async () => {
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

test('a call that is aborted while it waits for another try ends with the reason of that', async () => {
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

function pooled(count: number, chat: Chat<WithAccount>, budget = new RetryBudget(machine)) {
  const { pool, accounts } = poolOf(Array.from({ length: count }, (_, at) => ({ label: `a${at}`, credential: at })))
  return { pool, accounts, chat: retry(budget)(noThreads(account(pool, 'upstream')(chat))) }
}

test('P21: accounts that fail are passed over for those that work, up to the limit of attempts', async () => {
  const asked: string[] = []
  const { chat } = pooled(
    10,
    chatOf(async function* (_request, { account: { label } }) {
      asked.push(label)
      if (label !== 'a2') throw failing('account-refused')
      yield finish()
    }),
  )
  const call = calmCall()
  expect((await drain(chat(aRequest, call))).events).toEqual([finish()])
  expect(asked).toEqual(['a0', 'a1', 'a2'])
  expect(call.receipt).toMatchObject({ attempts: 3, upstream: 'upstream' })
})

test('no call makes more attempts than the limit', async () => {
  const { chat } = pooled(10, () => answering(failing('account-refused'))(aRequest, calmCall()))
  const call = calmCall()
  expect((await drain(chat(aRequest, call))).thrown).toMatchObject({ reason: 'account-refused' })
  expect(call.receipt.attempts).toBe(maxAttempts)
})

test('when no account is left, the client is told why the last one failed', async () => {
  const { chat } = pooled(2, () => answering(failing('account-refused'))(aRequest, calmCall()))
  expect((await drain(chat(aRequest, calmCall()))).thrown).toMatchObject({ reason: 'account-refused' })
})

/** How many retries a budget whose clock stands still would pay for. */
function left(budget: RetryBudget): number {
  let retries = 0
  while (budget.withdraw()) retries++
  return retries
}

test('P7: a call that finds every account resting at its upstream’s word costs no retry: 429 and the soonest time', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { pool, accounts, chat } = pooled(2, answering(finish()), budget)
  for (const [at, leased] of accounts.entries())
    pool.reportFailure(leased, failing('rate-limited', 60_000 + at * 1_000))
  const call = calmCall()
  const { thrown } = await drain(chat(aRequest, call))
  expect(thrown).toMatchObject({ reason: 'rate-limited' })
  expect(thrown instanceof ChatError && thrown.retryAfterMs).toBeWithin(50_000, 60_001)
  expect(call.receipt.attempts).toBe(0)
  expect(left(budget)).toBe(10)
})

test('P7: a single account that is rate limited is asked once, and the budget pays for one retry at most', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { chat } = pooled(1, () => answering(failing('rate-limited', 60_000))(aRequest, calmCall()), budget)
  const call = calmCall()
  expect((await drain(chat(aRequest, call))).thrown).toMatchObject({ reason: 'rate-limited' })
  expect(left(budget)).toBeGreaterThanOrEqual(9)
})

test('an account that answered is told so, one that failed rests', async () => {
  const { pool, chat } = pooled(
    2,
    chatOf(async function* (_request, { account: { label } }) {
      if (label === 'a0') throw failing('challenged')
      yield finish()
    }),
  )
  await drain(chat(aRequest, calmCall()))
  expect(Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind]))).toEqual({
    a0: 'challenged',
    a1: 'ok',
  })
})

test('P7: a budget that is used up pays for no other try: the failure is told as it is', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  left(budget)
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(finish()))
  expect((await drain(retry(budget)(chat)(aRequest, calmCall()))).thrown).toMatchObject({
    reason: 'upstream-failed',
  })
  expect(asked()).toBe(1)
})

test('P7: to be asked after another upstream failed is a retry, which pays nothing in', async () => {
  const budget = new RetryBudget({ elapsed: () => 0 })
  const { chat, asked } = inTurn(answering(finish()))
  const later = () => {
    const call = calmCall()
    call.attempts.spend()
    return drain(retry(budget)(chat)(aRequest, call))
  }
  for (let calls = 0; calls < 10; calls++) expect((await later()).thrown).toBeUndefined()
  expect((await later()).thrown).toMatchObject({ reason: 'unavailable', code: 'retry_budget' })
  expect(asked()).toBe(10)
})

test('the attempts and the account that the receipt notes decide nothing', async () => {
  const { chat, asked } = inTurn(answering(failing('upstream-failed')), answering(failing('account-refused')))
  const call = calmCall()
  Object.assign(call.receipt, { attempts: 99, account: 'of-another-answer' })
  const { thrown } = await drain(retry(new RetryBudget(machine))(chat)(aRequest, call))
  expect(asked()).toBe(maxAttempts)
  expect(thrown).toMatchObject({ reason: 'account-refused', message: 'account-refused' })
})

test('of answers side by side, each names the account that it was asked with', async () => {
  const begun = Promise.withResolvers<void>()
  const labels = ['a0', 'a1']
  const chat: Chat = chatOf((_request, call) => {
    beginAttempt(call, { upstream: 'upstream', account: labels.shift() ?? 'none' })
    if (labels.length > 0) return failingAfter(begun.promise)
    begun.resolve()
    return failingAfter(silence(call.signal))
  })
  const call = calmCall()
  for (let spent = 1; spent < maxAttempts; spent++) call.attempts.spend()
  const sideBySide = choices({ parameters: { choices: 'emulated' } })(retry(new RetryBudget(machine))(chat))
  const { thrown } = await drain(sideBySide({ ...aRequest, parameters: { choices: 2 } }, call))
  expect(call.receipt.account).toBe('a1')
  expect(thrown).toMatchObject({ message: expect.stringContaining('The account is a0') })
})

async function* failingAfter(before: Promise<unknown>): AsyncGenerator<ChatEvent> {
  await before
  yield* events(answering(failing('account-refused'))(aRequest, calmCall()))
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
  for await (const _ of events(retry(new RetryBudget(machine))(chat)(aRequest, calmCall()))) break
  await closed.promise
})
