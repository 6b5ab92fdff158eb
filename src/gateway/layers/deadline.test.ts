import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import type { RouteSettings } from '../../flow/route-settings.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { sleep } from '../../flow/wait.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { type Deadlines, deadline } from './deadline.ts'

/** Milliseconds: longer than any of these tests waits. */
const never = 600_000

/** Makes limits. Those that a test does not name are never reached. */
function limits(named: Partial<Deadlines>): Deadlines {
  return { firstEventMs: never, wholeMs: never, idleMs: never, ...named }
}

/** Makes a chat that sends this number of events and then is silent. */
function silentAfter(events: number): Chat {
  return chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < events; at++) yield text(String(at))
    await silence(signal)
  })
}

/** Runs a chat to its end, and moves the clock a millisecond at a time. `ms` is how long that took. */
async function drainTimed(chat: Chat, request = aRequest) {
  const runtime = new ManualRuntime()
  const signal = new CancelSource(runtime)
  const startedAt = runtime.elapsed()
  let isOver = false
  const draining = drain(chat(request, aCall(signal))).finally(() => {
    isOver = true
  })
  await runtime.settle()
  while (!isOver) await runtime.advance(1)
  return { ...(await draining), ms: runtime.elapsed() - startedAt, listeners: signal.followers }
}

test('P5: silence before the first event ends the call with upstream_timeout', async () => {
  const { thrown, ms, listeners } = await drainTimed(deadline(limits({ firstEventMs: 30 }))(silentAfter(0)))
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_timeout' })
  expect(ms).toBeWithin(30, 40)
  expect(listeners).toBe(0)
})

test('P5: silence between two events ends the call with upstream_idle_timeout', async () => {
  const { thrown, events, ms } = await drainTimed(deadline(limits({ idleMs: 30 }))(silentAfter(2)))
  expect(events).toHaveLength(2)
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_idle_timeout' })
  expect(ms).toBeWithin(30, 40)
})

test('a whole reply has its own limit', async () => {
  const whole = { ...aRequest, stream: false }
  const { thrown, ms } = await drainTimed(deadline(limits({ firstEventMs: 1, wholeMs: 40 }))(silentAfter(0)), whole)
  expect(thrown).toMatchObject({ code: 'upstream_timeout' })
  expect(ms).toBeWithin(40, 50)
})

test('P6: a stream with regular events continues, however long it is', async () => {
  const chat: Chat = chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < 6; at++) {
      await sleep(100, signal)
      yield text(String(at))
    }
    yield finish()
  })
  const { thrown, events, ms } = await drainTimed(deadline(limits({ firstEventMs: 110, idleMs: 110 }))(chat))
  expect(thrown).toBeUndefined()
  expect(events).toHaveLength(7)
  expect(ms).toBeWithin(600, 610)
})

test('the time of a slow client does not count, and the upstream has its whole time afterwards', async () => {
  const runtime = new ManualRuntime()
  const slowAfterwards: Chat = chatOf(async function* (_request, { signal }) {
    yield text('a')
    await sleep(250, signal)
    yield finish()
  })
  const limited = deadline(limits({ firstEventMs: 300, idleMs: 300 }))(slowAfterwards)
  const iterator = events(limited(aRequest, aCall(new CancelSource(runtime))))
  const { value } = await iterator.next()
  expect(value).toMatchObject({ type: 'text' })
  await runtime.advance(350)
  const next = iterator.next()
  await runtime.advance(250)
  expect(await next).toMatchObject({ value: { type: 'finish' } })
  await runtime.advance(350)
  expect(await iterator.next()).toMatchObject({ done: true })
})

test('silence after a slow client is still noticed', async () => {
  const runtime = new ManualRuntime()
  const limited = deadline(limits({ idleMs: 20 }))(silentAfter(1))
  const iterator = events(limited(aRequest, aCall(new CancelSource(runtime))))
  await iterator.next()
  await runtime.advance(50)
  const next = iterator.next().catch((thrown: unknown) => thrown)
  await runtime.advance(50)
  expect(await next).toMatchObject({ code: 'upstream_idle_timeout' })
})

test('a call that has ended or was closed leaves no listener', async () => {
  const limited = deadline(limits({}))(answering(text('a'), finish()))
  expect((await drainTimed(limited)).listeners).toBe(0)
  const signal = new CancelSource(new ManualRuntime())
  for await (const _ of events(limited(aRequest, aCall(signal)))) break
  expect(signal.followers).toBe(0)
})

test('a call that is aborted from outside fails with the reason of the abort', async () => {
  const runtime = new ManualRuntime()
  const controller = new CancelSource(runtime)
  const reason = new ChatError('cancelled', { message: 'left' })
  const draining = drain(deadline(limits({}))(silentAfter(1))(aRequest, aCall(controller)))
  await runtime.settle()
  controller.abort(reason)
  expect((await draining).thrown).toBe(reason)
})

test('a route has times of its own', async () => {
  const short = { firstEventMs: 5, idleMs: 5 }
  const late = await drainTimed(routedWith({ firstMs: 1000, idleMs: 500 }, deadline(limits(short))(silentAfter(1))))
  expect(late.thrown).toMatchObject({ code: 'upstream_idle_timeout' })
  expect(late.ms).toBeGreaterThanOrEqual(500)
  const never = await drainTimed(routedWith({ firstMs: 700 }, deadline(limits(short))(silentAfter(0))))
  expect(never.thrown).toMatchObject({ code: 'upstream_timeout' })
  expect(never.ms).toBeGreaterThanOrEqual(700)
})

function routedWith(routed: RouteSettings, chat: Chat): Chat {
  return (request, call) => chat(request, { ...call, routed })
}
