/** Law 5: a slow client slows the upstream down; memory does not grow. */
import { afterAll, describe, expect, test } from 'bun:test'
import { events as eventsOf } from '../../src/flow/flow.ts'
import { newCancel } from '../../src/wire/machine.double.ts'
import { until, untilStill } from '../waiting.ts'
import { forms, newCall } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'

const mebibyte = 2 ** 20
/** The buffers of both sockets (Linux lets them grow to 32 and 4 MiB) and the bytes that Bun reads ahead. */
const maxAhead = 48 * mebibyte
/** The part of it that the process itself may hold. The buffers of sockets belong to the system. */
const maxHeld = 32 * mebibyte
/** Milliseconds without a write after which the upstream has paused. */
const quietMs = 200

/** Collects garbage, and returns the bytes that the process still holds. */
function heldBytes(): number {
  Bun.gc(true)
  return process.memoryUsage.rss()
}

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  describe(subject.name, () => {
    for (const [form, chat] of forms(rig.upstream)) {
      test.skipIf(!rig.flood)(`the upstream pauses and goes on with its reader, ${form}`, async () => {
        const flood = rig.flood?.()
        if (!flood) return
        const controller = newCancel()
        const events = eventsOf(chat(flood.request, newCall(controller)))
        const before = heldBytes()
        try {
          await events.next()
          const paused = await untilStill(flood.written, quietMs, 10_000)
          expect(paused).toBeLessThan(maxAhead)
          expect(heldBytes() - before).toBeLessThan(maxHeld)
          // more than the buffers hold, so these bytes cannot all have been written before
          while (flood.written() < 2 * paused + mebibyte) await events.next()
          const again = await untilStill(flood.written, quietMs, 10_000)
          expect(again).toBeLessThan(2 * paused + mebibyte + maxAhead)
        } finally {
          controller.abort(new Error('enough'))
        }
        await until(() => rig.openConnections() === 0, 1_000, 'the upstream connection is closed')
      })
      test(`nothing is read ahead of the reader, ${form}`, async () => {
        const events = eventsOf(chat(rig.request(), newCall()))
        const first = await events.next()
        expect(first.done).toBe(false)
        await events.return(undefined)
        expect(await events.next()).toEqual({ done: true, value: undefined })
      })
    }
  })
}
