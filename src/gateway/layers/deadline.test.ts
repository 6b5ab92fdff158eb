import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import { sleep } from '../../flow/wait.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { deadline } from './deadline.ts'

const never = 600_000

/** Is silent after so many events. */
function silentAfter(events: number): Chat {
  return chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < events; at++) yield text(String(at))
    await silence(signal)
  })
}

async function drainTimed(chat: Chat, request = aRequest) {
  const controller = newCancel()
  const startedAt = performance.now()
  const outcome = await drain(chat(request, aCall(controller)))
  return {
    ...outcome,
    ms: performance.now() - startedAt,
    listeners: controller.followers,
  }
}

test('P5: silence before the first event ends the call with upstream_timeout', async () => {
  const { thrown, ms, listeners } = await drainTimed(
    deadline({ firstEventMs: 30, wholeMs: never, idleMs: never })(silentAfter(0)),
  )
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_timeout' })
  expect(ms).toBeGreaterThanOrEqual(30)
  expect(ms).toBeLessThan(1_030)
  expect(listeners).toBe(0)
})

test('P5: silence between two events ends the call with upstream_idle_timeout', async () => {
  const { thrown, events } = await drainTimed(
    deadline({ firstEventMs: never, wholeMs: never, idleMs: 30 })(silentAfter(2)),
  )
  expect(events).toHaveLength(2)
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_idle_timeout' })
})

test('a whole reply has its own limit', async () => {
  const whole = { ...aRequest, stream: false }
  const wholeDeadline = deadline({ firstEventMs: 1, wholeMs: 40, idleMs: never })(silentAfter(0))
  const { thrown, ms } = await drainTimed(wholeDeadline, whole)
  expect(thrown).toMatchObject({ code: 'upstream_timeout' })
  expect(ms).toBeGreaterThanOrEqual(40)
})

test('P6: a stream with regular events continues, however long it is', async () => {
  const chat: Chat = chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < 6; at++) {
      await sleep(100, signal)
      yield text(String(at))
    }
    yield finish()
  })
  const { thrown, events } = await drainTimed(deadline({ firstEventMs: 500, wholeMs: never, idleMs: 500 })(chat))
  expect(thrown).toBeUndefined()
  expect(events).toHaveLength(7)
})

test('the time of a slow client does not count, and the upstream has its whole time after it', async () => {
  const slowAfterwards: Chat = chatOf(async function* (_request, { signal }) {
    yield text('a')
    await sleep(20, signal)
    yield finish()
  })
  const seen: string[] = []
  const limited = deadline({ firstEventMs: 300, wholeMs: never, idleMs: 300 })(slowAfterwards)
  for await (const event of events(limited(aRequest, aCall()))) {
    seen.push(event.type)
    await Bun.sleep(350)
  }
  expect(seen).toEqual(['text', 'finish'])
})

test('silence after a slow client is still noticed', async () => {
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: 20 })(silentAfter(1))
  const iterator = events(limited(aRequest, aCall()))
  await iterator.next()
  await Bun.sleep(50)
  expect(await iterator.next().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'upstream_idle_timeout' })
})

test('a call that has ended or was closed leaves no listener', async () => {
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: never })(answering(text('a'), finish()))
  expect((await drainTimed(limited)).listeners).toBe(0)
  const signal = newCancel()
  for await (const _ of events(limited(aRequest, aCall(signal)))) break
  expect(signal.followers).toBe(0)
})

test('an abort from outside keeps its own reason', async () => {
  const controller = newCancel()
  const reason = new ChatError('cancelled', { message: 'left' })
  setTimeout(() => controller.abort(reason), 5)
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: never })(silentAfter(1))
  expect((await drain(limited(aRequest, aCall(controller)))).thrown).toBe(reason)
})
