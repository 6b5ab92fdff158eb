import { expect, test } from 'bun:test'
import { Conversations } from '../../../conversations/conversations.ts'
import { flat, flowFrom } from '../../../flow/flow.double.ts'
import { finish, text } from '../../../gateway/chat.double.ts'
import type { LoopEvent } from '../../../gateway/tool-loop/events.ts'
import { MemoryStore } from '../../../state/memory/memory-store.ts'
import { machine, newCancel } from '../../../wire/machine.double.ts'
import { answer } from './answer.ts'
import { Recorder } from './recorder.ts'

const signal = newCancel()
const whose = { client: 'client', session: 'session' }

async function* endless(): AsyncGenerator<LoopEvent> {
  for (;;) yield text('a')
}

test('an endless answer is stored up to a limit, and marked as truncated', async () => {
  const conversations = new Conversations({
    runtime: machine,
    store: new MemoryStore({ runtime: machine }),
    ttlMs: 60_000,
  })
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

test('endless reasoning is stored up to a limit, and the answer after it is whole', async () => {
  const conversations = new Conversations({
    runtime: machine,
    store: new MemoryStore({ runtime: machine }),
    ttlMs: 60_000,
  })
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

test('closing an answer ends it, and frees its session', async () => {
  const conversations = new Conversations({
    runtime: machine,
    store: new MemoryStore({ runtime: machine }),
    ttlMs: 60_000,
  })
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

test('thought, text, call, thought, text: the next turn sends them in order, with their signatures', async () => {
  const conversations = new Conversations({
    runtime: machine,
    store: new MemoryStore({ runtime: machine }),
    ttlMs: 60_000,
  })
  const opened = await conversations.open(whose, { model: 'm', content: 'Hello' }, { wait: false, signal })
  if (opened.kind !== 'turn') throw new Error('there is no turn')
  const signed = (signature: string) => ({ extra: { 'anthropic-messages': { signature } } })
  const round = [
    { type: 'reasoning', text: 'First.', ...signed('s1') },
    { type: 'text', text: 'I look.' },
    { type: 'tool-call', id: 'c', name: 't', arguments: '{}', ...signed('s2') },
    { type: 'reasoning', text: '', ...signed('s3') },
    { type: 'text', text: 'Wait.' },
  ] as const
  const calls = [round[2]]
  async function* loop(): AsyncGenerator<LoopEvent> {
    yield { type: 'reasoning', choice: 0, part: 0, text: 'First.' }
    yield { type: 'part-end', choice: 0, part: 0, ...signed('s1') }
    yield text('I look.', 0, 1)
    yield { type: 'tool-calls', message: { role: 'assistant', content: round }, calls }
    yield { type: 'tool-result', toolCallId: 'c', name: 't', content: 'ok', isError: false }
    yield { type: 'reasoning', choice: 0, part: 2, text: 'So.' }
    yield { type: 'part-end', choice: 0, part: 2, ...signed('s4') }
    yield text('\n\nIt is.', 0, 3)
    yield { type: 'reasoning', choice: 0, part: 4, text: 'Yes.' }
    yield { type: 'part-end', choice: 0, part: 4, ...signed('s5') }
    yield text('Indeed.', 0, 5)
    yield finish()
  }
  const recorder = new Recorder(opened.turn, signal)
  const events = await Array.fromAsync(flat(answer(flowFrom(loop()), { session: 'session', recorder, signal })))
  const content = 'I look.\n\nIt is.Indeed.'
  expect(events.at(-1)).toMatchObject({ type: 'complete', data: { message: { content, reasoning: 'So.Yes.' } } })
  const next = await conversations.open(whose, { model: 'm', content: 'And?' }, { wait: false, signal })
  if (next.kind !== 'turn') throw new Error('there is no turn')
  const told = next.turn.messages()
  expect(told[1]).toEqual({ role: 'assistant', content: round })
  expect(told[3]).toEqual({
    role: 'assistant',
    content: [
      { type: 'reasoning', text: 'So.', ...signed('s4') },
      { type: 'text', text: 'It is.' },
      { type: 'reasoning', text: 'Yes.', ...signed('s5') },
      { type: 'text', text: 'Indeed.' },
    ],
  })
  await next.turn.close()
})
