import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { watch } from '../../flow/watch.ts'
import { aCall, aRequest, drain, finish, ledChat, text } from '../chat.double.ts'
import { FirstEventTimes } from './first-event-times.ts'
import { hedgedTries } from './hedge.ts'
import { HedgeBudget } from './hedge-budget.ts'

const delayMs = 3_000

/** Two answers that the test leads, on a clock that only it moves. */
function setUp(budget = new HedgeBudget()) {
  const runtime = new ManualRuntime()
  const signal = new CancelSource(runtime)
  const call = aCall(signal)
  const [a, b] = [ledChat('a'), ledChat('b')]
  const named =
    (upstream: string, chat: typeof a.chat): typeof a.chat =>
    (request, asked) => {
      const onStart = () => {
        asked.receipt.upstream = upstream
        asked.receipt.parameters.set('top_k', upstream === 'a' ? 'honoured' : 'dropped')
      }
      return watch(chat(request, asked), { onStart })
    }
  const [open, openSecond] = hedgedTries(
    {
      first: (asked) => named('a', a.chat)(aRequest, asked),
      second: (asked) => named('b', b.chat)(aRequest, asked),
      delayMs,
      budget,
    },
    call,
  )
  return { runtime, signal, call, a, b, flow: open(), openSecond }
}

const failure = (message: string) => new ChatError('overloaded', { message })

test('an answer that begins in time is not hedged', async () => {
  const { runtime, call, a, b, flow } = setUp()
  const read = drain(flow)
  await runtime.advance(delayMs - 1)
  a.say(text('a'), finish())
  expect((await read).events).toEqual([text('a'), finish()])
  await runtime.advance(60_000)
  expect([b.seen.isAsked, call.receipt.isHedged, runtime.timers.size]).toEqual([false, undefined, 0])
})

test('after the delay another one is asked; the first to show something is read, and the other is closed at once', async () => {
  for (const winner of ['a', 'b'] as const) {
    const { runtime, call, a, b, flow } = setUp()
    const read = drain(flow)
    await runtime.advance(delayMs)
    expect([a.seen.isAsked, b.seen.isAsked]).toEqual([true, true])
    // what shows nothing does not decide
    const [won, lost] = winner === 'a' ? [a, b] : [b, a]
    lost.say(text(''))
    await runtime.settle()
    won.say(text('won'))
    await runtime.settle()
    expect([won.seen.isAborted, lost.seen.isAborted]).toEqual([false, true])
    won.say(finish())
    expect((await read).events).toEqual([text('won'), finish()])
    expect(call.receipt).toMatchObject({ upstream: winner, isHedged: true })
    expect(call.receipt.parameters.get('top_k')).toBe(winner === 'a' ? 'honoured' : 'dropped')
    expect([call.attempts.spent, call.attempts.last]).toEqual([2, { upstream: winner }])
  }
})

test('if one fails, the other is waited for; if both fail, the first says why', async () => {
  for (const winner of ['a', 'b', 'none'] as const) {
    const { runtime, a, b, flow, openSecond } = setUp()
    const read = drain(flow)
    await runtime.advance(delayMs)
    for (const [name, chat] of [
      ['a', a],
      ['b', b],
    ] as const)
      if (name !== winner) chat.say(failure(name))
    await runtime.settle()
    for (const [name, chat] of [
      ['a', a],
      ['b', b],
    ] as const)
      if (name === winner) chat.say(text(name), finish())
    const { events, thrown } = await read
    expect(events).toEqual(winner === 'none' ? [] : [text(winner), finish()])
    if (winner !== 'none') continue
    expect(thrown).toMatchObject({ message: 'a' })
    // and the second is not asked again
    expect((await drain(openSecond())).thrown).toMatchObject({ reason: 'unavailable' })
  }
})

test('a failure before the delay is the caller’s to replace', async () => {
  const { runtime, a, b, flow, openSecond } = setUp()
  const read = drain(flow)
  await runtime.settle()
  a.say(failure('a'))
  expect((await read).thrown).toMatchObject({ message: 'a' })
  await runtime.advance(60_000)
  expect([b.seen.isAsked, runtime.timers.size]).toEqual([false, 0])
  b.say(text('b'), finish())
  expect((await drain(openSecond())).events).toEqual([text('b'), finish()])
})

test('a client that leaves ends both', async () => {
  for (const how of ['closes', 'aborts'] as const) {
    const { runtime, signal, a, b, flow } = setUp()
    const pending = Promise.resolve(flow.next()).catch(() => undefined)
    await runtime.advance(delayMs)
    if (how === 'closes') flow.close()
    else signal.abort(new ChatError('cancelled', { message: '' }))
    await runtime.settle()
    await pending
    expect([how, a.seen.isAborted, b.seen.isAborted, runtime.timers.size]).toEqual([how, true, true, 0])
  }
})

test('at most a twentieth of the calls is hedged', async () => {
  const budget = new HedgeBudget()
  let hedged = 0
  for (let call = 0; call < 1_000; call++) {
    budget.deposit()
    if (budget.take()) hedged++
  }
  expect(hedged).toBeWithin(50, 52)
  const { runtime, a, b, flow } = setUp(budget)
  const read = drain(flow)
  await runtime.advance(delayMs)
  expect(b.seen.isAsked).toBe(false)
  a.say(text('a'), finish())
  expect((await read).events).toEqual([text('a'), finish()])
})

test('the delay is the time in which 95 of the last 100 answers began, as soon as 20 are known', () => {
  const times = new FirstEventTimes()
  for (let answer = 0; answer < 19; answer++) times.note(100)
  expect(times.almostAllMs).toBe(5_000)
  times.note(100)
  expect(times.almostAllMs).toBe(100)
  for (let answer = 0; answer < 100; answer++) times.note(answer)
  expect(times.almostAllMs).toBe(95)
})
