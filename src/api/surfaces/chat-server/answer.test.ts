import { expect, test } from 'bun:test'
import { Conversations } from '../../../conversations/conversations.ts'
import { flat, flowFrom } from '../../../flow/flow.double.ts'
import { finish, text } from '../../../gateway/fake-chat.ts'
import type { LoopEvent } from '../../../gateway/tool-loop/events.ts'
import { MemoryStore } from '../../../state/memory/memory-store.ts'
import { newCancel } from '../../../wire/machine.double.ts'
import { answer } from './answer.ts'
import { Recorder } from './recorder.ts'

const signal = newCancel()
const whose = { client: 'client', session: 'session' }

async function* endless(): AsyncGenerator<LoopEvent> {
  for (;;) yield text('a')
}

test('an answer without end is not kept without end, and says so', async () => {
  const conversations = new Conversations({ store: new MemoryStore(), ttlMs: 60_000 })
  const opened = await conversations.open(whose, { model: 'm', content: 'Hello' }, { wait: false, signal })
  if (opened.kind !== 'turn') throw new Error('there is no turn')
  async function* long(): AsyncGenerator<LoopEvent> {
    for (let at = 0; at < 5; at++) yield text('a'.repeat(1024 * 1024))
    yield finish()
  }
  const recorder = new Recorder(opened.turn, signal)
  const events = await Array.fromAsync(flat(answer(flowFrom(long()), { session: 'session', recorder, signal })))
  expect(events.filter(({ type }) => type === 'chunk')).toHaveLength(5)
  const last = events.at(-1)
  expect(last).toMatchObject({ data: { message: { metadata: { truncated: true } } } })
  const { content } = last?.type === 'complete' ? last.data.message : {}
  expect(String(content).length).toBeGreaterThan(2 * 1024 * 1024 - 100)
  expect(String(content).length).toBeLessThanOrEqual(2 * 1024 * 1024)
})

test('nor are thoughts without end, and the answer after them is whole', async () => {
  const conversations = new Conversations({ store: new MemoryStore(), ttlMs: 60_000 })
  const opened = await conversations.open(whose, { model: 'm', content: 'Hello' }, { wait: false, signal })
  if (opened.kind !== 'turn') throw new Error('there is no turn')
  async function* thoughtful(): AsyncGenerator<LoopEvent> {
    for (let at = 0; at < 9; at++) yield { type: 'reasoning', choice: 0, part: 0, text: 'a'.repeat(1024 * 1024) }
    yield { type: 'part-end', choice: 0, part: 0 }
    yield text('So it is.', 0, 1)
    yield finish()
  }
  const recorder = new Recorder(opened.turn, signal)
  const events = await Array.fromAsync(flat(answer(flowFrom(thoughtful()), { session: 'session', recorder, signal })))
  expect(events.at(-1)).toMatchObject({ type: 'complete', data: { message: { content: 'So it is.' } } })
  const [, kept] = (await conversations.messages(whose, 10)) ?? []
  expect(kept).toMatchObject({
    status: 'completed',
    parts: [
      { type: 'reasoning', text: expect.stringMatching(/^a{1000}/) },
      { type: 'text', text: 'So it is.' },
    ],
  })
})

test('an answer that is read no further is over, and its session free', async () => {
  const conversations = new Conversations({ store: new MemoryStore(), ttlMs: 60_000 })
  const opened = await conversations.open(whose, { model: 'm', content: 'Hello' }, { wait: false, signal })
  if (opened.kind !== 'turn') throw new Error('there is no turn')
  const recorder = new Recorder(opened.turn, signal)
  for await (const _ of answer(flowFrom(endless()), { session: 'session', recorder, signal })) break
  expect(await conversations.messages(whose, 10)).toMatchObject([
    { role: 'user' },
    { status: 'cancelled', parts: [{ type: 'text', text: 'a' }] },
  ])
  expect(await conversations.delete(whose, { wait: false, signal })).toBe(true)
})
