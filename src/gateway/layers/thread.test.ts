import { describe, expect, test } from 'bun:test'
import type { Account, Renewal } from '../../accounts/account.ts'
import { accountsOptions, poolOf } from '../../accounts/pool.double.ts'
import { RenewalServiceDouble, storeFailure, type Token } from '../../accounts/renewal-service.double.ts'
import { anybody, type Caller } from '../../chat/caller.ts'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Message, Part } from '../../chat/message.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { aCall, aLog, aRequest, chatOf, drain, finish, type LogLine, text } from '../chat.double.ts'
import { account, type WithAccount } from './account.ts'
import { retry } from './retry.ts'
import { RetryBudget } from './retry-budget.ts'
import { thread } from './thread.ts'

const never = newCancel()
const textParts = (words: string): readonly Part[] => [{ type: 'text', text: words }]
const user = (words: string): Message => ({ role: 'user', content: textParts(words) })
const system = (words: string): Message => ({ role: 'system', content: textParts(words) })
const assistant = (words: string): Message => ({ role: 'assistant', content: textParts(words) })

/** The account and the known thread of a request to the upstream. */
interface Asked {
  readonly label: string
  readonly known: string | undefined
}

interface From {
  readonly caller?: Caller
  readonly model?: string
  readonly signal?: Cancel
}

interface Given {
  readonly accounts?: number
  readonly ttlMs?: number
  readonly renewal?: Renewal<Token>
}

/** An upstream that keeps conversations. It answers `1`, `2` …, and names each thread after its answer. */
function setUp({ accounts = 2, ttlMs = 1_000, renewal }: Given = {}) {
  let now = 1_000_000
  const store = new MemoryStore({ runtime: { now: () => now } })
  const declared: Account[] = Array.from({ length: accounts }, (_, at) => ({
    label: `a${at}`,
    credential: { generation: 0, endsAt: now + 3_600_000 },
    ...(renewal && { renewal }),
  }))
  const { pool, accounts: liveAccounts } = poolOf(declared, { ...accountsOptions(), now: () => now })
  const asked: Asked[] = []
  const lines: LogLine[] = []
  /** The failures of the next requests, one for each. */
  const failures: (Error | undefined)[] = []
  let answers = 0
  const upstream: Chat<WithAccount> = chatOf(async function* (_request, call) {
    const { account, thread } = call
    asked.push({ label: account.label, known: thread.known })
    const failure = failures.shift()
    const answer = String(++answers)
    if (failure?.message !== 'early') thread.spend()
    thread.keep('not yet')
    thread.keep(`thread of ${answer}`)
    if (failure && failure.message !== 'late') throw failure
    yield text(answer.slice(0, 1))
    yield text(answer.slice(1))
    if (failure) throw failure
    yield finish()
  })
  const layered = (use: MemoryStore) =>
    retry(new RetryBudget(machine))(
      thread({ store: use, upstream: 'upstream', ttlMs })(account(pool, 'upstream')(upstream)),
    )
  const chat = layered(store)
  const open = (messages: readonly Message[], { caller = anybody, model = 'model', signal = never }: From = {}) =>
    chat({ ...aRequest, model, messages }, { ...aCall(signal, lines), log: aLog(lines), caller })
  return {
    pool,
    liveAccounts,
    store,
    asked,
    lines,
    failures,
    open,
    /** Sends a conversation. @returns the conversation with the answer */
    send: async (messages: readonly Message[], from: From = {}) => {
      const { events } = await drain(open(messages, from))
      return [...messages, assistant(wordsOf(events))]
    },
    known: () => asked.map(({ known }) => known),
    pass: (ms: number) => {
      now += ms
    },
  }
}

function wordsOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('')
}

describe('a conversation', () => {
  test('of twelve turns is one thread on one account, and each turn continues the last', async () => {
    const { send, asked, known } = setUp({ accounts: 3 })
    let messages: readonly Message[] = [system('be brief')]
    for (let turn = 1; turn <= 12; turn++) messages = await send([...messages, user(`turn ${turn}`)])
    expect(known()).toStrictEqual([undefined, ...Array.from({ length: 11 }, (_, at) => `thread of ${at + 1}`)])
    expect(new Set(asked.map(({ label }) => label)).size).toBe(1)
  })

  test('is found if the last turn has several messages', async () => {
    const { send, known } = setUp()
    const first = await send([user('hello')])
    await send([...first, { role: 'tool', toolCallId: 'c1', content: textParts('result') }, user('and?')])
    expect(known()).toStrictEqual([undefined, 'thread of 1'])
  })

  test('is found whether a text has one part or several', async () => {
    const { send, known } = setUp()
    const first = await send([{ role: 'user', content: [...textParts('hel'), ...textParts('lo')] }])
    const [, answer] = first
    expect(answer).toEqual(assistant('1'))
    await send([user('hello'), ...first.slice(1), user('more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1'])
  })

  for (const [what, from, change] of [
    ['another caller', { caller: { ...anybody, id: 'other' } }, (messages) => messages],
    ['another model', { model: 'other' }, (messages) => messages],
    ['another system prompt', {}, (messages) => [system('be long'), ...messages.slice(1)]],
    ['no system prompt', {}, (messages) => messages.slice(1)],
    ['another answer in its history', {}, (messages) => [...messages.slice(0, -1), assistant('something else')]],
    ['another question in its history', {}, ([first, , ...rest]) => [first, user('another'), ...rest]],
  ] as const satisfies readonly (readonly [string, From, (messages: readonly Message[]) => unknown])[])
    test(`with ${what} is another conversation`, async () => {
      const { send, known } = setUp()
      const messages = await send([system('be brief'), user('hello')])
      const changed = change(messages).filter((message) => message !== undefined)
      await send([...changed, user('more')], from)
      expect(known()).toStrictEqual([undefined, undefined])
      await send([...messages, user('more')])
      expect(known().at(-1)).toBe('thread of 1')
    })

  test('that continues twice from the same point uses its thread once, and then a new one', async () => {
    const { send, known } = setUp()
    const messages = await send([user('hello')])
    await Promise.all(Array.from({ length: 20 }, (_, at) => send([...messages, user(`branch ${at}`)])))
    expect(known().filter((thread) => thread === 'thread of 1').length).toBe(1)
    expect(known().filter((thread) => thread === undefined).length).toBe(20)
  })

  test('is remembered for exactly `ttlMs`', async () => {
    const { send, known, pass } = setUp({ ttlMs: 1_000 })
    const one = await send([user('one')])
    const two = await send([user('two')])
    pass(999)
    await send([...one, user('more')])
    pass(1)
    await send([...two, user('more')])
    expect(known()).toStrictEqual([undefined, undefined, 'thread of 1', undefined])
  })
})

describe('an answer', () => {
  test('that failed stores no thread, and has spent the known one', async () => {
    const { send, open, failures, known } = setUp()
    const messages = await send([user('hello')])
    failures.push(new Error('late'))
    const { events, thrown } = await drain(open([...messages, user('more')]))
    expect([wordsOf(events), thrown instanceof ChatError]).toEqual(['2', true])
    await send([...messages, user('more'), assistant('2'), user('and more')])
    await send([...messages, user('more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1', undefined, undefined])
  })

  test('that its client left stores no thread', async () => {
    const { send, open, known } = setUp()
    const messages = await send([user('hello')])
    const events = eventsOf(open([...messages, user('more')]))
    await events.next()
    await events.return(undefined)
    await send([...messages, user('more'), assistant('2'), user('and more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1', undefined])
  })

  test('of a second attempt belongs to a new thread, because the content of the known one is uncertain', async () => {
    const { send, failures, known } = setUp()
    const messages = await send([user('hello')])
    failures.push(new ChatError('upstream-failed', { message: 'broken' }))
    const more = await send([...messages, user('more')])
    await send([...more, user('and more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1', undefined, 'thread of 3'])
  })
})

describe('a thread in which a failed attempt sent nothing', () => {
  const early = (reason: Reason) => new ChatError(reason, { message: 'early' })

  test('is found by the next attempt', async () => {
    const { send, failures, known } = setUp()
    const messages = await send([user('hello')])
    failures.push(early('upstream-failed'))
    const more = await send([...messages, user('more')])
    await send([...more, user('and more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1', 'thread of 1', 'thread of 3'])
  })

  test('is found by the next call, even with another question', async () => {
    const { send, open, failures, known } = setUp()
    const messages = await send([user('hello')])
    failures.push(early('invalid-request'))
    expect((await drain(open([...messages, user('too much')]))).thrown).toMatchObject({ reason: 'invalid-request' })
    await send([...messages, user('less')])
    expect(known()).toStrictEqual([undefined, 'thread of 1', 'thread of 1'])
  })

  test('is kept if its account could not be asked and there is no other', async () => {
    const { send, open, known, pool, liveAccounts, pass } = setUp({ accounts: 1, ttlMs: 10_000 })
    const messages = await send([user('hello')])
    const [only] = liveAccounts
    if (only) pool.reportFailure(only, new ChatError('rate-limited', { message: '', retryAfterMs: 500 }))
    expect((await drain(open([...messages, user('more')]))).thrown).toMatchObject({ reason: 'rate-limited' })
    pass(500)
    await send([...messages, user('more')])
    expect(known()).toStrictEqual([undefined, 'thread of 1'])
  })
})

describe('an account whose credential is refused', () => {
  for (const [when, message, second] of [
    ['is used again in the same thread if that thread got no message', 'early', 'thread of 1'],
    ['gets the whole conversation in a new thread if the known thread got a message', 'no', undefined],
  ] as const)
    test(when, async () => {
      const { send, failures, known } = setUp({ renewal: new RenewalServiceDouble(() => 1_000_000).renewal })
      const messages = await send([user('hello')])
      failures.push(new ChatError('account-refused', { message }))
      await send([...messages, user('more')])
      expect(known()).toStrictEqual([undefined, 'thread of 1', second])
    })
})

describe('the account with the thread', () => {
  test('is used even if it is the turn of another account', async () => {
    const { send, asked, pool } = setUp({ accounts: 3 })
    const messages = await send([user('hello')])
    const [first] = asked
    await pool.pick({ tried: new Set() }, never)
    await send([...messages, user('more')])
    expect(asked.at(-1)).toEqual({ label: first?.label ?? '', known: 'thread of 1' })
  })

  test('is not used while it rests: another account gets the whole conversation and the new thread', async () => {
    const { send, asked, pool, liveAccounts } = setUp({ accounts: 2 })
    const messages = await send([user('hello')])
    const [first] = liveAccounts
    if (first) pool.reportFailure(first, new ChatError('rate-limited', { message: '', retryAfterMs: 500 }))
    const more = await send([...messages, user('more')])
    expect(asked.slice(1)).toEqual([{ label: 'a1', known: undefined }])
    await send([...more, user('and more')])
    expect(asked.at(-1)).toEqual({ label: 'a1', known: 'thread of 2' })
  })

  test('is not used again after a failure: another account gets the whole conversation', async () => {
    const { send, asked, failures } = setUp({ accounts: 2 })
    const messages = await send([user('hello')])
    failures.push(new ChatError('account-refused', { message: 'no' }))
    await send([...messages, user('more')])
    expect(asked).toStrictEqual([
      { label: 'a0', known: undefined },
      { label: 'a0', known: 'thread of 1' },
      { label: 'a1', known: undefined },
    ])
  })
})

describe('a store', () => {
  test('that cannot be read costs a conversation its thread, but not its answer', async () => {
    const { send, store, known, lines } = setUp()
    const messages = await send([user('hello')])
    store.take = async () => {
      throw storeFailure()
    }
    expect((await send([...messages, user('more')])).at(-1)).toEqual(assistant('2'))
    expect(known()).toStrictEqual([undefined, undefined])
    expect(lines.filter(({ level }) => level === 'warn').length).toBe(1)
  })

  test('that is slow holds up the end of an answer, but not its events', async () => {
    const { store, open } = setUp()
    const write = Promise.withResolvers<void>()
    store.put = () => write.promise
    const flow = open([user('hello')])
    const events: ChatEvent[] = []
    while (events.at(-1)?.type !== 'finish') events.push(...((await flow.next()) ?? []))
    let isOver = false
    const end = Promise.resolve(flow.next()).then((batch) => {
      isOver = true
      return batch
    })
    await nextTurn()
    expect(isOver).toBe(false)
    write.resolve()
    expect(await end).toBeUndefined()
  })

  test('that cannot be written costs a conversation its thread, but not its answer', async () => {
    const { send, store, known, lines } = setUp()
    store.put = async () => {
      throw storeFailure()
    }
    const messages = await send([user('hello')])
    await send([...messages, user('more')])
    expect(known()).toStrictEqual([undefined, undefined])
    expect(lines.filter(({ level }) => level === 'warn').length).toBe(2)
  })

  test('with an invalid value under the key of a thread has no thread', async () => {
    for (const value of ['', '{', '{}', 'null', '"thread"', '{"label":1,"value":2}']) {
      const { send, store, known } = setUp()
      const messages = await send([user('hello')])
      const [key = ''] = await store.keys('thread/', 1)
      await store.put(key, value)
      await send([...messages, user('more')])
      expect(known()).toStrictEqual([undefined, undefined])
    }
  })
})
