import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import { sleep } from '../../flow/wait.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { deadline } from './deadline.ts'

const never = 600_000

/** Falls silent after `events` events. */
function silentAfter(events: number): Chat {
  return chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < events; at++) yield text(String(at))
    await silence(signal)
  })
}

async function timed(chat: Chat, request = aRequest) {
  const controller = newCancel()
  const startedAt = performance.now()
  const outcome = await drain(chat(request, aCall(controller)))
  return {
    ...outcome,
    ms: performance.now() - startedAt,
    listeners: controller.followers,
  }
}

test('P5: silence before the first event ends the call: upstream_timeout', async () => {
  const { thrown, ms, listeners } = await timed(
    deadline({ firstEventMs: 30, wholeMs: never, idleMs: never })(silentAfter(0)),
  )
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_timeout' })
  expect(ms).toBeGreaterThanOrEqual(30)
  expect(ms).toBeLessThan(1_030)
  expect(listeners).toBe(0)
})

test('P5: silence between two events ends the call: upstream_idle_timeout', async () => {
  const { thrown, events } = await timed(deadline({ firstEventMs: never, wholeMs: never, idleMs: 30 })(silentAfter(2)))
  expect(events).toHaveLength(2)
  expect(thrown).toMatchObject({ reason: 'timeout', code: 'upstream_idle_timeout' })
})

test('a reply that comes whole has a limit of its own', async () => {
  const whole = { ...aRequest, stream: false }
  const patient = deadline({ firstEventMs: 1, wholeMs: 40, idleMs: never })(silentAfter(0))
  const { thrown, ms } = await timed(patient, whole)
  expect(thrown).toMatchObject({ code: 'upstream_timeout' })
  expect(ms).toBeGreaterThanOrEqual(40)
})

test('P6: a stream that says something in time lives on, however long it is', async () => {
  const chat: Chat = chatOf(async function* (_request, { signal }) {
    for (let at = 0; at < 6; at++) {
      await sleep(100, signal)
      yield text(String(at))
    }
    yield finish()
  })
  const { thrown, events } = await timed(deadline({ firstEventMs: 500, wholeMs: never, idleMs: 500 })(chat))
  expect(thrown).toBeUndefined()
  expect(events).toHaveLength(7)
})

test('the time a slow client takes does not count, and after it the upstream has its whole time', async () => {
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

test('after a slow client, silence is still noticed', async () => {
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: 20 })(silentAfter(1))
  const iterator = events(limited(aRequest, aCall()))
  await iterator.next()
  await Bun.sleep(50)
  expect(await iterator.next().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'upstream_idle_timeout' })
})

test('a call that is over, or let go of, leaves no listener', async () => {
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: never })(answering(text('a'), finish()))
  expect((await timed(limited)).listeners).toBe(0)
  const signal = newCancel()
  for await (const _ of events(limited(aRequest, aCall(signal)))) break
  expect(signal.followers).toBe(0)
})

test('aborting the call from outside passes its own reason on', async () => {
  const controller = newCancel()
  const reason = new ChatError('cancelled', { message: 'left' })
  setTimeout(() => controller.abort(reason), 5)
  const limited = deadline({ firstEventMs: never, wholeMs: never, idleMs: never })(silentAfter(1))
  expect((await drain(limited(aRequest, aCall(controller)))).thrown).toBe(reason)
})
