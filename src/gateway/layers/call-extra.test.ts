import { describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../../chat/event.ts'
import type { Message } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { readAll, readyFlow } from '../../flow/flow.double.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { machine } from '../../wire/machine.double.ts'
import { aCall, aRequest, finish, type LogLine, text } from '../chat.double.ts'
import { callExtra } from './call-extra.ts'

const extra = { theirs: { signature: 's' } }
const request: ChatRequest = { ...aRequest, model: 'm', parameters: { tools: [{ type: 'function', name: 'f' }] } }
const call = (part: number, id: string): readonly ChatEvent[] => [
  { type: 'tool-call', choice: 0, part, id, name: 'f' },
  { type: 'tool-arguments', choice: 0, part, json: '{"a":' },
  { type: 'tool-arguments', choice: 0, part, json: '1}' },
  { type: 'part-end', choice: 0, part },
]
const thought = (part: number, said: string): readonly ChatEvent[] => [
  { type: 'reasoning', choice: 0, part, text: said },
  { type: 'part-end', choice: 0, part, extra },
]
/** Thought, text, call, thought, call. */
const answer: readonly ChatEvent[] = [
  ...thought(0, 'Hm.'),
  text('I look.', 0, 1),
  ...call(2, 'a'),
  ...thought(3, 'Again.'),
  ...call(4, 'b'),
  { type: 'finish', choice: 0, reason: 'tool-calls', extra },
]
const called = (id: string, json = '{ "a": 1 }') => ({ type: 'tool-call', id, name: 'f', arguments: json }) as const
const unsigned = { type: 'reasoning', text: 'Hm.' } as const
const said = { type: 'text', text: 'I look.' } as const
const bare: Message = { role: 'assistant', content: [unsigned, said, called('a'), called('b')] }

/** A process of the gateway. */
function start(store = new MemoryStore({ runtime: machine }), lines: LogLine[] = []) {
  const received: ChatRequest[] = []
  let batch: readonly ChatEvent[] = answer
  const chat: Chat = (asked) => {
    received.push(asked)
    return readyFlow<ChatEvent>(batch)
  }
  const layered = callExtra({ store, upstream: 'up', support: { parameters: {} }, ttlMs: 60_000 })(chat)
  return {
    store,
    /** Asks, and returns the messages that reach the upstream. */
    async ask(asked: ChatRequest = request, events = batch) {
      batch = events
      await readAll(layered(asked, aCall(undefined, lines)))
      return received.at(-1)?.messages ?? []
    },
  }
}
const after = (...messages: Message[]): ChatRequest => ({
  ...request,
  messages: [...request.messages, ...messages],
})

describe('the fields of an answer with calls', () => {
  test('are put back where they were, and the thoughts in their places', async () => {
    const { ask } = start()
    await ask()
    const [, message] = await ask(after(bare))
    const returned = (text: string) => ({ type: 'reasoning', text, extra }) as const
    expect<unknown>(message).toEqual({
      role: 'assistant',
      content: [returned('Hm.'), said, called('a'), returned('Again.'), called('b')],
      extra,
    })
  })

  test('are found by another process with the same store', async () => {
    const { ask, store } = start()
    await ask()
    expect((await start(store).ask(after(bare)))[1]?.extra).toEqual(extra)
  })

  test('do not replace what a client brings back', async () => {
    const { ask } = start()
    await ask()
    const own = { theirs: { signature: 'own' } }
    const brought: Message = { ...bare, content: [{ ...unsigned, extra: own }, called('a'), called('b')] }
    expect((await ask(after(brought)))[1]).toBe(brought)
    expect((await ask(after({ ...bare, extra: { ...own, ours: { b: 1 } } })))[1]?.extra).toEqual({
      ...own,
      ours: { b: 1 },
    })
  })

  for (const [what, message] of [
    ['other arguments', { ...bare, content: [called('a', '{}'), called('b')] }],
    ['another id', { ...bare, content: [called('c'), called('b')] }],
    ['fewer calls', { ...bare, content: [called('a')] }],
  ] satisfies (readonly [string, Message])[])
    test(`are not put on an answer with ${what}`, async () => {
      const { ask } = start()
      await ask()
      expect((await ask(after(message)))[1]).toBe(message)
    })

  test('are forgotten when the same calls come again without any', async () => {
    const { ask } = start()
    await ask()
    await ask(request, [...call(0, 'a'), ...call(1, 'b'), finish()])
    expect((await ask(after(bare)))[1]).toBe(bare)
  })

  test('are put back in the same way in each turn', async () => {
    const { ask } = start()
    await ask()
    const first = await ask(after(bare))
    const second = await ask(after(bare, { role: 'user', content: [said] }))
    expect<unknown>(second.slice(0, 2)).toEqual(first)
  })
})

describe('nothing is looked up', () => {
  /** A store that counts its reads. */
  class CountingStore extends MemoryStore {
    reads = 0

    override get(key: string) {
      this.reads++
      return super.get(key)
    }
  }

  test('more than once a minute, if the upstream has said nothing of its calls', async () => {
    const store = new CountingStore({ runtime: machine })
    const { ask } = start(store)
    const plain = [...call(0, 'a'), finish()]
    for (const _ of [1, 2, 3]) await ask(after(bare), plain)
    expect(store.reads).toBe(1)
  })

  test('and the messages are not even decoded', async () => {
    const { ask } = start()
    let reads = 0
    const asked = {
      ...request,
      get messages() {
        reads++
        return request.messages
      },
    }
    for (const _ of [1, 2, 3]) await ask(asked, [...call(0, 'a'), finish()])
    // the test reads them itself
    expect(reads).toBe(3)
  })

  test('twice by requests at the same time, after a start', async () => {
    const store = new CountingStore({ runtime: machine })
    await start(store).ask()
    store.reads = 0
    const { ask } = start(store)
    const asked = await Promise.all([ask(after(bare)), ask(after(bare))])
    expect(asked.map(([, message]) => message?.extra)).toEqual([extra, extra])
    // once for the upstream, and once for each answer
    expect(store.reads).toBe(3)
  })

  test('without tools, and for a client of the same dialect that brings everything back', async () => {
    const store = new CountingStore({ runtime: machine })
    const { ask } = start(store)
    const native = { dialect: 'theirs', value: {}, isComplete: true, isIntact: () => true }
    await ask({ ...after(bare), parameters: {} })
    expect(store.reads).toBe(0)
    const layered = callExtra({ store, upstream: 'up', support: { parameters: {}, extraOf: 'theirs' }, ttlMs: 1_000 })
    await readAll(layered(() => readyFlow<ChatEvent>(answer))({ ...after(bare), native }, aCall()))
    expect(store.reads).toBe(0)
  })
})

test('a store that fails does not fail the answer', async () => {
  class BrokenStore extends MemoryStore {
    override get(): Promise<never> {
      return Promise.reject(new Error('broken'))
    }

    override put(): Promise<never> {
      return Promise.reject(new Error('broken'))
    }
  }
  const lines: LogLine[] = []
  const { ask } = start(new BrokenStore({ runtime: machine }), lines)
  await ask()
  expect((await ask(after(bare)))[1]).toBe(bare)
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn', 'warn'])
})

test('the fields of a huge answer are not kept', async () => {
  const { ask } = start()
  await ask(request, [...thought(0, 'x'.repeat(600_000)), ...call(1, 'a'), finish()])
  const message: Message = { role: 'assistant', content: [called('a')] }
  expect((await ask(after(message)))[1]).toBe(message)
})
