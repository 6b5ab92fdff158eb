/** Law 4: aborting the call or closing the flow, in any phase, closes the upstream connection within 50 ms and leaves no timer, socket or listener. */
import { afterAll, describe, expect, test } from 'bun:test'
import { ChatError } from '../../src/chat/error.ts'
import type { ChatEvent } from '../../src/chat/event.ts'
import type { ChatRequest } from '../../src/chat/request.ts'
import { CancelSource } from '../../src/flow/cancel.ts'
import type { Chat } from '../../src/flow/chat.ts'
import { events as eventsOf } from '../../src/flow/flow.ts'
import { openMachine } from '../../src/wire/machine.ts'
import { until, untilStill } from '../waiting.ts'
import { forms, newCall } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import type { Rig } from './subject.ts'

/**
 * The machine of the calls, so that its timers are those of the calls, and of what they use. Background timers belong to no
 * call: the pool checks its idle connections with one.
 */
const machine = openMachine()
const ownCancel = () => new CancelSource(machine)

/** Milliseconds from the abort until the connection must be gone. */
const closedWithinMs = 50
/** After these milliseconds without an event, everything that was sent has been read. */
const quietMs = 25

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  describe(subject.name, () => {
    for (const [form, chat] of forms(rig.upstream)) {
      for (const [phase, request] of phases(rig)) {
        test(`${phase}, ${form}`, () => expectFreed(rig, chat, request()))
        test(`${phase}, ${form}, closed`, () => expectFreedByClosing(rig, chat, request()))
      }
      test(`before it has begun, ${form}`, async () => {
        const controller = ownCancel()
        controller.abort(new ChatError('cancelled', { message: 'The client left early.' }))
        const before = rig.arrived()
        const events = eventsOf(chat(rig.request(), newCall(controller)))
        await expect(events.next()).rejects.toBe(controller.reason)
        expect(rig.arrived()).toBe(before)
        expect(controller.followers).toBe(0)
      })
      test(`an answer that is read to its end leaves no timer and no listener, ${form}`, async () => {
        const signal = ownCancel()
        const cut = rig.fixtures.map((fixture) => rig.request({ fixture, framing: 'chunked', sent: 90, ending: 'fin' }))
        for (const request of [rig.request(), ...cut]) await readInto([], eventsOf(chat(request, newCall(signal))))
        expect(signal.followers).toBe(0)
        // the gateway reads the rest of a body, so that its connection can be used again
        await until(() => machine.timers.keeping === 0, 500, 'no timer is left')
      })
      test.skipIf(!rig.flood)(`a reader that stops early closes the upstream connection, ${form}`, async () => {
        const request = rig.flood?.().request ?? rig.request()
        for await (const _ of eventsOf(chat(request, newCall()))) break
        await until(() => rig.openConnections() === 0, 500, 'the upstream connection is closed')
      })
    }
  })
}

/** The phases in which a client can leave: before the head, after the head, and within the answer. */
function phases(rig: Rig): (readonly [string, () => ChatRequest])[] {
  if (rig.fixtures.length === 0) return [['within an answer', () => rig.request()]]
  const stalled = rig.fixtures.flatMap((fixture) => {
    const { from } = fixture.endMarker('chunked', 'stall')
    const end = Math.min(from, fixture.bytes.byteLength)
    return [0, 20, Math.floor(end / 3), Math.floor(end / 2), end - 1].map((sent) => {
      const request = () => rig.request({ fixture, framing: 'chunked', sent, ending: 'stall' })
      return [`after ${sent} bytes of ${fixture.name}`, request] as const
    })
  })
  return [['before the head', () => rig.request('silent')], ...stalled]
}

/** Waits until everything that the upstream sends has been read. */
async function readPending(rig: Rig, events: readonly ChatEvent[], arrivedBefore: number): Promise<void> {
  const isThere = () => (rig.fixtures.length > 0 ? rig.arrived() > arrivedBefore : events.length > 0)
  await until(isThere, 20_000, 'the request has arrived')
  if (rig.fixtures.length > 0) await untilStill(() => events.length, quietMs, 5_000)
}

async function expectFreed(rig: Rig, chat: Chat, request: ChatRequest): Promise<void> {
  const controller = ownCancel()
  const events: ChatEvent[] = []
  const arrivedBefore = rig.arrived()
  let thrown: unknown
  void readInto(events, eventsOf(chat(request, newCall(controller)))).then((seen) => {
    thrown = seen
  })
  await readPending(rig, events, arrivedBefore)
  const left = new ChatError('cancelled', { message: 'The client left.' })
  controller.abort(left)
  await until(() => thrown !== undefined, closedWithinMs, 'the chat is over')
  expect(thrown).toBe(left)
  await until(() => rig.openConnections() === 0, closedWithinMs, 'the upstream connection is closed')
  expect(controller.followers).toBe(0)
  expect(machine.timers.keeping).toBe(0)
}

/** Closes the flow while its next batch is pending. The batch is then undefined, and the call is not aborted. */
async function expectFreedByClosing(rig: Rig, chat: Chat, request: ChatRequest): Promise<void> {
  const controller = ownCancel()
  const events: ChatEvent[] = []
  const arrivedBefore = rig.arrived()
  const flow = chat(request, newCall(controller))
  const read = (async () => {
    for (let batch = await flow.next(); batch; batch = await flow.next()) events.push(...batch)
    return 'ended'
  })()
  let end: unknown
  void read.then((how) => {
    end = how
  })
  await readPending(rig, events, arrivedBefore)
  flow.close()
  await until(() => end === 'ended', closedWithinMs, 'the pending batch has settled')
  await until(() => rig.openConnections() === 0, closedWithinMs, 'the upstream connection is closed')
  expect(controller.aborted).toBe(false)
  expect(controller.followers).toBe(0)
  expect(machine.timers.keeping).toBe(0)
}

/** Collects events up to the end. @returns the error that was thrown, if any */
async function readInto(events: ChatEvent[], source: AsyncIterable<ChatEvent>): Promise<unknown> {
  try {
    for await (const event of source) events.push(event)
    return undefined
  } catch (thrown) {
    return thrown
  }
}
