import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { finish, silence, text } from '../fake-chat.ts'
import { merge, type Sourced } from './merge.ts'

const quiet = () => newCancel()
const of = (...events: readonly ChatEvent[]) =>
  async function* () {
    yield* events
  }

async function drained(events: AsyncIterable<Sourced>): Promise<{ seen: Sourced[]; thrown: unknown }> {
  const seen: Sourced[] = []
  try {
    for await (const event of events) seen.push(event)
    return { seen, thrown: undefined }
  } catch (thrown) {
    return { seen, thrown }
  }
}

test('P22: every event of every stream comes once, in its stream’s order, with its source', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.string()), { maxLength: 6 }), async (streams) => {
      const members = streams.map((said) => of(...said.map((word) => text(word))))
      const { seen } = await drained(merge(members, quiet()))
      for (const [at, said] of streams.entries())
        expect(seen.filter(({ source }) => source === at).map(({ event }) => event)).toEqual(
          said.map((word) => text(word)),
        )
      expect(seen).toHaveLength(streams.flat().length)
    }),
  )
})

test('a silent stream does not hold back the others', async () => {
  const controller = newCancel()
  const silent = async function* (signal: Cancel) {
    await silence(signal)
    yield finish()
  }
  const events = merge([silent, of(text('a'), finish())], controller)
  expect((await events.next()).value).toEqual({ source: 1, event: text('a') })
  expect((await events.next()).value).toEqual({ source: 1, event: finish() })
  const reason = new Error('left')
  const last = events.next().catch((thrown: unknown) => thrown)
  controller.abort(reason)
  expect(await last).toBe(reason)
})

test('P4: no stream runs ahead of the reader by more than an event', async () => {
  const made = [0, 0, 0]
  const members = made.map(
    (_, at) =>
      async function* () {
        for (let word = 0; word < 1_000; word++) {
          made[at] = word + 1
          yield text(String(word))
        }
      },
  )
  const read = [0, 0, 0]
  for await (const { source } of merge(members, quiet())) {
    read[source] = (read[source] ?? 0) + 1
    await Promise.resolve()
    for (const [at, count] of made.entries()) expect(count - (read[at] ?? 0)).toBeLessThanOrEqual(1)
  }
  expect(read).toEqual([1_000, 1_000, 1_000])
})

for (const end of ['abort', 'a failing member', 'letting go'] as const) {
  test(`P23: ${end} stops every stream, waits for what it frees, and leaves no listener`, async () => {
    const controller = newCancel()
    const failure = new ChatError('upstream-failed', { message: 'cut' })
    let open = 0
    const member = (fails: boolean) =>
      async function* (signal: Cancel) {
        open++
        try {
          yield text('a')
          if (fails) throw failure
          await silence(signal)
        } finally {
          await Promise.resolve()
          open--
        }
      }
    const members = [member(false), member(end === 'a failing member'), member(false)]
    const events = merge(members, controller)
    if (end === 'letting go') for await (const _ of events) break
    else {
      if (end === 'abort') setTimeout(() => controller.abort(failure), 5)
      expect((await drained(events)).thrown).toBe(failure)
    }
    expect(open).toBe(0)
    expect(controller.followers).toBe(0)
  })
}

test('a slow member keeps nothing for each event of a fast one', async () => {
  const controller = newCancel()
  const silent = async function* (signal: Cancel) {
    await silence(signal)
    yield finish()
  }
  const fast = async function* () {
    const event = text('a')
    for (let at = 0; at < 300_000; at++) yield event
  }
  const events = merge([silent, fast], controller)
  for (let at = 0; at < 1_000; at++) await events.next()
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  for (let at = 1_000; at < 300_000; at++) await events.next()
  Bun.gc(true)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 2 ** 20)
  await events.return(undefined)
})

test('no stream at all is an empty one', async () => {
  expect(await drained(merge([], quiet()))).toEqual({ seen: [], thrown: undefined })
})
