import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { begin } from './begin.ts'
import { ChatError } from './error.ts'
import type { ChatEvent } from './event.ts'

const blank: ChatEvent = { type: 'text', choice: 0, part: 0, text: '' }
const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })
const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }
const cut = new ChatError('upstream-failed', { message: 'cut' })

async function* of(...events: readonly (ChatEvent | Error)[]): AsyncGenerator<ChatEvent> {
  for (const event of events) {
    if (event instanceof Error) throw event
    yield event
  }
}

const anyEvent: fc.Arbitrary<ChatEvent> = fc.oneof(
  fc.constant(blank),
  fc.string().map(text),
  fc.string().map((said): ChatEvent => ({ type: 'reasoning', choice: 0, part: 0, text: said })),
  fc.constant(finish),
)

test('every event of a stream comes out again, in order and once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent), async (events) => {
      const begun = await begin(of(...events))
      expect(await Array.fromAsync(begun.events)).toEqual(events)
    }),
  )
})

test('a failure before the first event is thrown by begin itself', async () => {
  await expect(begin(of(cut))).rejects.toBe(cut)
})

test('a failure after blank events alone is still before the commit point', async () => {
  await expect(begin(of(blank, blank, cut))).rejects.toBe(cut)
})

test('a failure after the first event is thrown in its place of the stream', async () => {
  const begun = await begin(of(blank, text('a'), cut))
  const seen: ChatEvent[] = []
  const reading = (async () => {
    for await (const event of begun.events) seen.push(event)
  })()
  expect(await reading.catch((thrown) => thrown)).toBe(cut)
  expect(seen).toEqual([blank, text('a')])
})

test('no more than the first event that shows something is read ahead', async () => {
  let read = 0
  async function* counted(): AsyncGenerator<ChatEvent> {
    for (const event of [blank, text('a'), text('b'), finish]) {
      read++
      yield event
    }
  }
  await begin(counted())
  expect(read).toBe(2)
})

test('a tool call, a usage, a finish, an annotation or a logprob shows something: the stream has begun', async () => {
  const shown: ChatEvent[] = [
    { type: 'tool-call', choice: 0, part: 0, id: 'a', name: 'b' },
    { type: 'usage', choice: 0, usage: { source: 'upstream' } },
    finish,
    { ...blank, annotations: [{ url: 'https://host/' }] },
    { ...blank, logprobs: null },
  ]
  for (const event of shown) {
    const { events } = await begin(of(event, cut))
    expect(events).toBeDefined()
  }
})

test('letting go of a begun stream closes its source, read or unread', async () => {
  for (const reads of [0, 1, 2, 3]) {
    let isClosed = false
    async function* source(): AsyncGenerator<ChatEvent> {
      try {
        yield* of(blank, text('a'), text('b'), finish)
      } finally {
        isClosed = true
      }
    }
    const iterator = (await begin(source())).events[Symbol.asyncIterator]()
    for (let read = 0; read < reads; read++) await iterator.next()
    await iterator.return?.()
    expect(isClosed).toBe(true)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  }
})
