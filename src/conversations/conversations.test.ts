import { describe, expect, test } from 'bun:test'
import { within } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { type Part, type ToolCallPart, textOf } from '../chat/message.ts'
import { formatOutput, interruptedCall } from '../chat/tool-output.ts'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import type { Store } from '../state/store.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { Conversations, type Question } from './conversations.ts'
import { faultIn } from './fault-in.ts'
import type { HistoryBounds } from './history.ts'
import type { OpenTurn } from './open-turn.ts'
import { contentOf } from './stored-message.ts'

const aliceSession = { client: 'alice', session: 's1' }
const never = newCancel()
const now = { wait: false, signal: never }
const later = { wait: true, signal: never }
const minute = 60_000

function setUp({ store, bounds, ttlMs = 60 * minute }: { store?: Store; bounds?: HistoryBounds; ttlMs?: number } = {}) {
  const clock = { ms: Date.UTC(2026, 0, 1) }
  let ids = 0
  const kept = store ?? new MemoryStore({ runtime: { now: () => clock.ms } })
  const start = () =>
    new Conversations({
      runtime: { now: () => clock.ms, newId: () => `id${++ids}` },
      store: kept,
      ttlMs,
      ...(bounds && { bounds }),
    })
  return { clock, kept, start, conversations: start() }
}

async function ask(
  conversations: Conversations,
  content: string | undefined,
  more: Partial<Question> = {},
  at = aliceSession,
): Promise<OpenTurn> {
  const opened = await conversations.open(at, { model: 'm', ...(content !== undefined && { content }), ...more }, now)
  if (opened.kind === 'answered') throw new Error('it was answered already')
  return opened.turn
}

async function say(conversations: Conversations, question: string, answer: string, at = aliceSession): Promise<void> {
  const turn = await ask(conversations, question, {}, at)
  await turn.end('completed', roundOf(answer))
  await turn.close()
}

const texts = (turn: OpenTurn) => turn.messages().map(({ role, content }) => `${role}: ${textOf(content)}`)
const call = (id: string): ToolCallPart => ({ type: 'tool-call', id, name: 't', arguments: '{}' })
/** The message of a model's round: a text, and then tool calls. */
function roundOf(text: string, ...calls: readonly ToolCallPart[]): { message: { content: Part[] } } {
  return { message: { content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...calls] } }
}
const result = (toolCallId: string, content: string) => ({ toolCallId, name: 't', content, isError: false })

test('a turn is stored step by step, and the next turn contains it', async () => {
  const { conversations } = setUp()
  const turn = await ask(conversations, 'How warm is it?', { requestId: 'r1', metadata: { a: 1 } })
  expect(texts(turn)).toEqual(['user: How warm is it?'])
  const thought: Part = { type: 'reasoning', text: 'hm', extra: { x: { signature: 's1' } } }
  const round = [thought, { type: 'text' as const, text: 'Let me see.' }, call('c1'), call('c2')]
  await turn.addCalls({ message: { content: round } })
  await turn.addResult(result('c2', '20°'))
  await turn.addResult(result('c1', '10°'))
  const answer = await turn.end('completed', { ...roundOf('\n\nWarm.'), metadata: { tokens: 3 } })
  await turn.close()
  expect(answer).toMatchObject({
    role: 'assistant',
    status: 'completed',
    parts: [{ type: 'text', text: 'Warm.' }],
    metadata: { tokens: 3 },
    model: 'm',
  })
  const kept = await conversations.messages(aliceSession, 100)
  expect(kept).toEqual([
    {
      id: 'id2',
      createdAt: '2026-01-01T00:00:00.000Z',
      role: 'user',
      status: 'completed',
      metadata: { a: 1 },
      content: 'How warm is it?',
    },
    expect.objectContaining({
      role: 'assistant',
      status: 'completed',
      parts: round,
    }),
    expect.objectContaining({ role: 'tool', toolCallId: 'c2', content: '20°', isError: false }),
    expect.objectContaining({ role: 'tool', toolCallId: 'c1', content: '10°', isError: false }),
    answer,
  ])
  const next = await ask(conversations, 'And tomorrow?')
  expect(next.messages()).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'How warm is it?' }] },
    { role: 'assistant', content: round },
    { role: 'tool', toolCallId: 'c1', content: [{ type: 'text', text: formatOutput(result('c1', '10°')) }] },
    { role: 'tool', toolCallId: 'c2', content: [{ type: 'text', text: formatOutput(result('c2', '20°')) }] },
    { role: 'assistant', content: [{ type: 'text', text: 'Warm.' }] },
    { role: 'user', content: [{ type: 'text', text: 'And tomorrow?' }] },
  ])
  // another model does not get the first model's reasoning
  expect(next.messages('other')[1]?.content).toEqual(round.slice(1))
  await next.close()
})

describe('another client', () => {
  test('reaches no session with any session id', async () => {
    const { conversations } = setUp()
    await say(conversations, 'secret question', 'secret answer')
    const turn = await ask(conversations, 'whole', {}, aliceSession)
    await turn.addCalls(roundOf('', call('c')))
    await turn.addResult({ ...result('c', 'short'), full: 'secret whole', shortened: 'cut' })
    await turn.end('completed', roundOf('ok'))
    await turn.close()
    const id = (await conversations.messages(aliceSession, 100))?.find(({ role }) => role === 'tool')?.id ?? ''
    expect(await conversations.fullResult(aliceSession, id)).toBe('secret whole')
    const sessions = ['s1', '../alice/s1', 'alice/s1', '', 's1\u0000', 'x'.repeat(201), '\ud800']
    for (const session of sessions) {
      const other = { client: 'mallory', session }
      const reading: Promise<unknown>[] = [
        conversations.messages(other, 100),
        conversations.fullResult(other, id),
        conversations.delete(other, now),
      ]
      for (const outcome of await Promise.allSettled(reading)) {
        if (outcome.status === 'fulfilled') expect(outcome.value || undefined).toBeUndefined()
        else expect(outcome.reason).toMatchObject({ reason: 'invalid-request', param: 'session_id' })
      }
    }
    expect(await conversations.sessions('mallory', 10)).toEqual([])
    expect(texts(await ask(conversations, 'mine', {}, { client: 'mallory', session: 's1' }))).toEqual(['user: mine'])
    expect(await conversations.messages(aliceSession, 100)).toHaveLength(6)
  })
})

describe('a request that is sent again', () => {
  test('gets the stored answer if it was answered, and starts no turn', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'hello', { requestId: 'r1' })
    const answer = await turn.end('completed', roundOf('hi'))
    await turn.close()
    await say(conversations, 'more', 'yes')
    expect(await conversations.open(aliceSession, { requestId: 'r1', model: 'm', content: 'hello' }, now)).toEqual({
      kind: 'answered',
      answer,
    })
    expect(await conversations.messages(aliceSession, 100)).toHaveLength(4)
    // the session is free again
    await (await ask(conversations, 'on')).close()
  })

  test('waits for the first request if that still runs, and gets its answer', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'hello', { requestId: 'r1' })
    const again = conversations.open(aliceSession, { requestId: 'r1', model: 'm', content: 'hello' }, later)
    const answer = await turn.end('completed', roundOf('hi'))
    await turn.close()
    expect(await again).toEqual({ kind: 'answered', answer })
  })

  test('continues after an interruption: the question is stored once, and the model sees the interruption', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'hello', { requestId: 'r1' })
    await turn.addCalls(roundOf('', call('c1')))
    await turn.end('cancelled', roundOf('Well'))
    await turn.close()
    const again = await ask(conversations, 'hello', { requestId: 'r1' })
    expect(texts(again)).toEqual([
      'user: hello',
      'assistant: ',
      `tool: ${formatOutput(interruptedCall)}`,
      'assistant: Well\n\n[The user stopped this answer.]',
      'user: [The answer broke off. The user asks again.]',
    ])
    await again.end('completed', roundOf('hi'))
    await again.close()
    const kept = await conversations.messages(aliceSession, 100)
    expect(kept?.map(({ role, status }) => `${role} ${status}`)).toEqual([
      'user completed',
      'assistant completed',
      'tool cancelled',
      'assistant cancelled',
      'assistant completed',
    ])
  })

  test('is refused if it was interrupted and later requests came', async () => {
    const { conversations } = setUp()
    await (await ask(conversations, 'hello', { requestId: 'r1' })).close()
    await say(conversations, 'more', 'yes')
    const again = conversations.open(aliceSession, { requestId: 'r1', model: 'm', content: 'hello' }, now)
    expect(await again.catch((thrown) => thrown)).toMatchObject({ reason: 'conflict', code: 'request_superseded' })
    await (await ask(conversations, 'on')).close()
  })
})

describe('two requests on one session', () => {
  test('the second is refused because the session is busy', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'one')
    const second = conversations.open(aliceSession, { model: 'm', content: 'two' }, now)
    expect(await second.catch((thrown) => thrown)).toMatchObject({
      reason: 'conflict',
      code: 'session_busy',
      meaning: { status: 409 },
    })
    // another session is not affected
    await (await ask(conversations, 'x', {}, { ...aliceSession, session: 's2' })).close()
    await turn.close()
    await (await ask(conversations, 'two')).close()
  })

  test('requests wait in their order, and a request that leaves the queue blocks no other', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'one')
    const leaving = newCancel()
    const order: string[] = []
    const waiting = ['two', 'leaves', 'three'].map(async (content) => {
      const signal = content === 'leaves' ? leaving : never
      const opened = await conversations.open(aliceSession, { model: 'm', content }, { wait: true, signal })
      order.push(content)
      if (opened.kind === 'turn') await opened.turn.close()
    })
    const reason = new ChatError('cancelled', { message: 'gone' })
    leaving.abort(reason)
    await turn.close()
    const ends = await within(Promise.allSettled(waiting), 20_000, 'all of them')
    expect(order).toEqual(['two', 'three'])
    expect(ends[1]).toMatchObject({ status: 'rejected', reason })
  })

  test('a request waits no longer than its limit, and the requests behind it still get their turn', async () => {
    const conversations = new Conversations({
      runtime: machine,
      store: new MemoryStore({ runtime: machine }),
      ttlMs: minute,
      maxWaitMs: 20,
    })
    const turn = await ask(conversations, 'one')
    const second = conversations.open(aliceSession, { model: 'm', content: 'two' }, later)
    expect(
      await within(
        second.catch((thrown) => thrown),
        20_000,
        'its end',
      ),
    ).toMatchObject({
      reason: 'conflict',
      code: 'session_busy',
    })
    const third = conversations.open(aliceSession, { model: 'm', content: 'three' }, later)
    await turn.close()
    const opened = await third
    if (opened.kind === 'turn') await opened.turn.close()
    const kept = await conversations.messages(aliceSession, 10)
    expect(kept?.filter(({ role }) => role === 'user').map(contentOf)).toEqual(['one', 'three'])
  })

  test('a request waits no longer than its limit for another replica', async () => {
    const store = new MemoryStore({ runtime: machine })
    const [here, there] = [0, 0].map(() => new Conversations({ runtime: machine, store, ttlMs: minute, maxWaitMs: 20 }))
    if (!here || !there) throw new Error('there are two')
    const turn = await ask(there, 'one')
    const second = here.open(aliceSession, { model: 'm', content: 'two' }, later)
    expect(
      await within(
        second.catch((thrown) => thrown),
        20_000,
        'its end',
      ),
    ).toMatchObject({ code: 'session_busy' })
    await turn.close()
    await (await ask(here, 'three')).close()
  })

  test('two replicas write one after the other, and a replica that lost its lease cannot write', async () => {
    const { start, conversations, clock } = setUp()
    const other = start()
    const turn = await ask(conversations, 'one')
    expect(await other.open(aliceSession, { model: 'm', content: 'two' }, now).catch((thrown) => thrown)).toMatchObject(
      {
        code: 'session_busy',
      },
    )
    // its lease has ended
    clock.ms += 16 * minute
    const second = await ask(other, 'two')
    expect(await turn.end('completed', roundOf('late')).catch((thrown) => thrown)).toMatchObject({
      reason: 'conflict',
      code: 'session_lost',
    })
    expect(faultIn(second.messages())).toBeUndefined()
    await second.end('completed', roundOf('in time'))
    await second.close()
    await turn.close().catch(() => undefined)
    const kept = await conversations.messages(aliceSession, 100)
    expect(kept?.map((message) => `${contentOf(message)} ${message.status}`)).toEqual([
      'one completed',
      ' failed',
      'two completed',
      'in time completed',
    ])
  })

  test('a long turn continues until another request takes its session', async () => {
    const { conversations, clock } = setUp()
    const turn = await ask(conversations, 'one')
    clock.ms += 20 * minute
    await turn.end('completed', roundOf('slow'))
    await turn.close()
    expect(await conversations.messages(aliceSession, 100)).toHaveLength(2)
  })

  test('a turn that is longer than the storage time is stored', async () => {
    const { conversations, clock } = setUp({ ttlMs: minute })
    const turn = await ask(conversations, 'one')
    clock.ms += 2 * minute
    await turn.end('completed', roundOf('slow'))
    await turn.close()
    expect(await conversations.messages(aliceSession, 100)).toHaveLength(2)
  })
})

describe('an interrupted answer', () => {
  for (const [status, mark] of [
    ['failed', '[This answer broke off.]'],
    ['cancelled', '[The user stopped this answer.]'],
  ] as const)
    for (const text of ['half', ''])
      test(`${status} with "${text}" is stored with its status, and the next turn gets a valid conversation`, async () => {
        const { conversations } = setUp()
        const turn = await ask(conversations, 'one')
        await turn.end(status, roundOf(text))
        await turn.close()
        expect(await conversations.messages(aliceSession, 1)).toMatchObject([
          { status, parts: text === '' ? [] : [{ type: 'text', text }] },
        ])
        const next = await ask(conversations, 'two')
        expect(texts(next)).toEqual([
          'user: one',
          `assistant: ${text === '' ? mark : `${text}\n\n${mark}`}`,
          'user: two',
        ])
      })

  test('says that the outcome of a call is unknown if the call has no result', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'one')
    await turn.addCalls(roundOf('', call('c1'), call('c2')))
    await turn.addResult(result('c1', 'done'))
    await turn.end('cancelled', roundOf(''))
    await turn.close()
    expect(await conversations.messages(aliceSession, 100)).toMatchObject([
      {},
      {},
      { toolCallId: 'c1', status: 'completed' },
      { toolCallId: 'c2', status: 'cancelled', isError: true, content: interruptedCall.content },
      { status: 'cancelled' },
    ])
    const next = await ask(conversations, 'two')
    expect(faultIn(next.messages())).toBeUndefined()
    expect(texts(next)[3]).toContain('not known whether it ran')
  })

  test('a late or repeated result changes nothing', async () => {
    const { conversations } = setUp()
    const turn = await ask(conversations, 'one')
    await turn.addCalls(roundOf('', call('c1')))
    await turn.addResult(result('c1', 'first'))
    await turn.addResult(result('c1', 'second'))
    await turn.addResult(result('unheard-of', 'x'))
    await turn.end('completed', roundOf('ok'))
    expect(await turn.addResult(result('c1', 'late')).catch((thrown) => thrown)).toMatchObject({ code: 'session_lost' })
    await turn.close()
    expect((await conversations.messages(aliceSession, 100))?.map(contentOf)).toEqual(['one', '', 'first', 'ok'])
  })
})

test('a question that is not stored leaves a valid conversation', async () => {
  const { conversations } = setUp()
  for (const text of ['a', 'b']) {
    const turn = await ask(conversations, undefined)
    await turn.end('completed', roundOf(text))
    await turn.close()
  }
  const next = await ask(conversations, 'c')
  const unkept = 'user: [The question is not part of this history.]'
  expect(texts(next)).toEqual([unkept, 'assistant: a', unkept, 'assistant: b', 'user: c'])
})

describe('a session is bounded', () => {
  test('in messages: the oldest whole turns are removed first', async () => {
    const { conversations } = setUp({ bounds: { maxMessages: 7, maxCharacters: 1_000_000 } })
    for (const at of [1, 2, 3]) {
      const turn = await ask(conversations, `q${at}`)
      await turn.addCalls(roundOf('', call(`c${at}`)))
      await turn.addResult(result(`c${at}`, 'ok'))
      await turn.end('completed', roundOf(`a${at}`))
      await turn.close()
    }
    const kept = await conversations.messages(aliceSession, 100)
    expect(kept?.map(contentOf)).toEqual(['q3', '', 'ok', 'a3'])
    expect(await conversations.sessions('alice', 10)).toMatchObject([{ messages: 4 }])
    expect(faultIn((await ask(conversations, 'q4')).messages())).toBeUndefined()
  })

  test('in characters, also in its newest turn', async () => {
    const bounds = { maxMessages: 1_000, maxCharacters: 20_000 }
    const { conversations, kept } = setUp({ bounds })
    for (let at = 0; at < 30; at++) await say(conversations, 'q'.repeat(1_000), 'a'.repeat(1_000))
    expect((await conversations.messages(aliceSession, 100))?.length).toBeLessThan(20)
    const turn = await ask(conversations, 'q')
    await turn.addCalls(roundOf('\u0000'.repeat(50_000), call('c1'), call('c2')))
    for (const id of ['c1', 'c2']) await turn.addResult(result(id, '"'.repeat(50_000)))
    await turn.end('completed', roundOf('😀'.repeat(50_000)))
    await turn.close()
    const [key = ''] = await kept.keys('conversation/', 10)
    expect((await kept.get(key))?.value.length).toBeLessThan(30_000)
    expect(await conversations.messages(aliceSession, 100)).toHaveLength(5)
  })

  test('a question over half of the limit is refused, and nothing of it is stored', async () => {
    const { conversations } = setUp({ bounds: { maxMessages: 10, maxCharacters: 10_000 } })
    const asked = conversations.open(aliceSession, { model: 'm', content: 'x'.repeat(6_000) }, now)
    expect(await asked.catch((thrown) => thrown)).toMatchObject({ reason: 'too-large', param: 'content' })
    const empty = conversations.open(aliceSession, { model: 'm', content: ' ' }, now)
    expect(await empty.catch((thrown) => thrown)).toMatchObject({ reason: 'invalid-request', param: 'content' })
    expect(await conversations.messages(aliceSession, 10)).toBeUndefined()
    await (await ask(conversations, 'short')).close()
  })
})

test('the newest session is listed first, and a deleted session takes its results with it', async () => {
  const { conversations, clock, kept } = setUp()
  for (const session of ['a', 'b', 'c']) {
    clock.ms += 1_000
    await say(conversations, 'q', 'a', { client: 'alice', session })
  }
  const turn = await ask(conversations, 'q', {}, { client: 'alice', session: 'a' })
  await turn.addCalls(roundOf('', call('c')))
  await turn.addResult({ ...result('c', 'short'), full: 'whole', shortened: 'summarised' })
  expect(await conversations.delete({ client: 'alice', session: 'a' }, now).catch((thrown) => thrown)).toMatchObject({
    code: 'session_busy',
  })
  clock.ms += 1_000
  await turn.end('completed', roundOf('a'))
  await turn.close()
  expect((await conversations.sessions('alice', 2)).map(({ id }) => id)).toEqual(['a', 'c'])
  expect(await conversations.delete({ client: 'alice', session: 'a' }, now)).toBe(true)
  expect(await conversations.delete({ client: 'alice', session: 'a' }, now)).toBe(false)
  expect((await conversations.sessions('alice', 10)).map(({ id }) => id)).toEqual(['c', 'b'])
  expect(await kept.keys('conversation-result/', 10)).toEqual([])
  clock.ms += 61 * minute
  expect(await conversations.sessions('alice', 10)).toEqual([])
})

test('a long list lets other requests run, and its reading stops after the client has gone', async () => {
  const inner = new MemoryStore({ runtime: machine })
  let read = 0
  const store: Store = new Proxy(inner, {
    get(target, name) {
      if (name !== 'get') return Reflect.get(target, name).bind(target)
      return (key: string) => {
        read++
        return target.get(key)
      }
    },
  })
  const { conversations } = setUp({ store })
  for (let at = 0; at < 20; at++) await say(conversations, 'q', 'a', { client: 'alice', session: `s${at}` })
  const gone = newCancel()
  read = 0
  const listed = conversations.sessions('alice', 10, gone).catch((thrown) => thrown)
  await new Promise((resolve) => setImmediate(resolve))
  expect(read).toBeLessThan(3)
  gone.abort(new ChatError('cancelled', { message: 'gone' }))
  expect(await listed).toMatchObject({ reason: 'cancelled' })
  expect(await conversations.sessions('alice', 100)).toHaveLength(20)
})

test('a write that fails once neither loses nor repeats an acknowledged message', async () => {
  const inner = new MemoryStore({ runtime: machine })
  let failure: 'before' | 'after' | undefined
  const store: Store = new Proxy(inner, {
    get(target, name) {
      if (name !== 'compareAndSet') return Reflect.get(target, name).bind(target)
      return async (...args: Parameters<Store['compareAndSet']>) => {
        const how = failure
        failure = undefined
        if (how === 'before') throw new ChatError('unavailable', { message: 'full' })
        const version = await target.compareAndSet(...args)
        if (how === 'after') throw new ChatError('unavailable', { message: 'full' })
        return version
      }
    },
  })
  const { conversations } = setUp({ store })
  for (const how of ['before', 'after'] as const) {
    const turn = await ask(conversations, `q ${how}`)
    await turn.addCalls(roundOf('', call(`c ${how}`)))
    failure = how
    expect(await turn.addResult(result(`c ${how}`, 'r')).catch((thrown) => thrown)).toMatchObject({
      reason: 'unavailable',
    })
    await turn.addResult(result(`c ${how}`, 'r'))
    await turn.end('completed', roundOf('a'))
    await turn.close()
  }
  const kept = await conversations.messages(aliceSession, 100)
  expect(kept?.map(contentOf)).toEqual(['q before', '', 'r', 'a', 'q after', '', 'r', 'a'])
})

test('a lease that cannot be released does not block its session', async () => {
  const inner = new MemoryStore({ runtime: machine })
  let isFailing = false
  const store: Store = new Proxy(inner, {
    get(target, name) {
      if (name !== 'lease') return Reflect.get(target, name).bind(target)
      return async (...args: Parameters<Store['lease']>) => {
        const lease = await target.lease(...args)
        const release = async () => {
          if (isFailing) throw new ChatError('unavailable', { message: 'full' })
          await lease?.release()
        }
        return lease && { ...lease, release }
      }
    },
  })
  const { conversations } = setUp({ store })
  const turn = await ask(conversations, 'one')
  await turn.end('completed', roundOf('a'))
  isFailing = true
  expect(await turn.close().catch((thrown) => thrown)).toMatchObject({ reason: 'unavailable' })
  isFailing = false
  await say(conversations, 'two', 'b')
  expect(await conversations.messages(aliceSession, 10)).toHaveLength(4)
})

test('images of results are stored and sent again, unless they take most of the space', async () => {
  const { conversations } = setUp({ bounds: { maxMessages: 100, maxCharacters: 20_000 } })
  const image = (length: number) => ({ type: 'image', url: 'A'.repeat(length), notice: '[not shown]' }) as const
  const turn = await ask(conversations, 'Look.')
  await turn.addCalls(roundOf('', call('c1'), call('c2')))
  await turn.addResult({ ...result('c1', 'small'), images: [image(100)] })
  await turn.addResult({ ...result('c2', 'large'), images: [image(15_000)] })
  await turn.end('completed', roundOf('ok'))
  await turn.close()
  const next = await ask(conversations, 'And now?')
  const results = next.messages().flatMap((message) => (message.role === 'tool' ? [message.content] : []))
  expect(results[0]?.slice(1)).toEqual([image(100)])
  expect(results[1]).toHaveLength(1)
  expect(textOf(results[1] ?? [])).toContain('large\n[its images are not kept in this history]')
  await next.close()
})

describe('several processes', () => {
  const question = { model: 'm', content: 'a' }

  function twoReplicas() {
    const runtime = new ManualRuntime()
    // the timers of the first one stop when it dies
    const mortal = new ManualRuntime()
    const store = new MemoryStore({ runtime })
    const first = new Conversations({ runtime: mortal, store, ttlMs: 60 * minute })
    const second = new Conversations({ runtime, store, ttlMs: 60 * minute })
    const signals = { first: new CancelSource(mortal), second: new CancelSource(runtime) }
    const liveBoth = async (ms: number) => {
      for (let at = 0; at < ms; at += 1_000) {
        await mortal.advance(1_000)
        await runtime.advance(1_000)
      }
    }
    return { runtime, first, second, signals, liveBoth }
  }

  test('a session stays with the process that writes it while that lives, and is free 15 seconds after its death', async () => {
    const { runtime, first, second, signals, liveBoth } = twoReplicas()
    await first.open(aliceSession, question, { wait: false, signal: signals.first })
    await liveBoth(minute)
    const busy = second.open(aliceSession, question, { wait: false, signal: signals.second })
    await expect(busy).rejects.toMatchObject({ code: 'session_busy' })
    const waiting = second.open(aliceSession, question, { wait: true, signal: signals.second })
    await runtime.advance(15_500)
    expect((await waiting).kind).toBe('turn')
  })

  test('another process is asked to stop the request of a session', async () => {
    const { runtime, first, second, signals } = twoReplicas()
    expect(await second.abortElsewhere(aliceSession, signals.second)).toBe(false)
    const opened = await first.open(aliceSession, question, { wait: false, signal: signals.first })
    const stopped: boolean[] = []
    await first.listenForAborts((isOf) => {
      stopped.push(isOf(aliceSession), isOf({ ...aliceSession, session: 's2' }))
      if (opened.kind === 'turn') void opened.turn.close()
    })
    const aborting = second.abortElsewhere(aliceSession, signals.second)
    await runtime.advance(200)
    expect([await aborting, stopped]).toEqual([true, [true, false]])
  })
})
