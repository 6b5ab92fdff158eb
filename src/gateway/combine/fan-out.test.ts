import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { within } from '../../../test/waiting.ts'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, type LogLine, ledChat, text } from '../chat.double.ts'
import { fanOut } from './fan-out.ts'

const secret = 'https://internal.example/v1?key=canary'
const failure = (reason: Reason = 'overloaded') => new ChatError(reason, { message: `${reason} at ${secret}` })
const counted = (inputTokens: number, outputTokens: number, source: Usage['source'] = 'upstream'): ChatEvent => ({
  type: 'usage',
  choice: 0,
  usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, source },
})
const saying = (...words: readonly string[]) => answering(...words.map((word) => text(word)), finish())

function panelOf(...chats: readonly Chat[]): Chat {
  return fanOut(chats.map((chat, at) => ({ title: 'ABC'[at] ?? '?', chat })))
}

const textOf = (events: readonly ChatEvent[], choice = 0) =>
  events.map((event) => (event.type === 'text' && event.choice === choice ? event.text : '')).join('')

const sideBySide = (count: number): ChatRequest => ({ ...aRequest, parameters: { choices: count } })

describe('one column', () => {
  for (const [name, breakOff] of [
    ['before the first word', false],
    ['within an answer', true],
  ] as const) {
    for (let mask = 0; mask < 8; mask++) {
      const succeeds = [0, 1, 2].map((at) => (mask & (1 << at)) !== 0)
      const outcomes = succeeds.map((good) => (good ? 'good' : 'fails')).join(', ')
      test(`${outcomes}, with failures ${name}`, async () => {
        const chats = succeeds.map((good, at) => {
          const word = `Hello from ${'CAM'[at]}`
          if (good) return saying(word)
          return breakOff ? answering(text(word), failure('upstream-failed')) : answering(failure())
        })
        const { events, thrown } = await drain(panelOf(...chats)(aRequest, aCall()))
        if (mask === 0 && !breakOff) {
          expect({ events, thrown }).toMatchObject({ events: [], thrown: { reason: 'overloaded' } })
          return
        }
        expect(thrown).toBeUndefined()
        const bodies = succeeds.map((good, at) => {
          const word = `Hello from ${'CAM'[at]}`
          if (good) return word
          return breakOff ? `${word}\nRequest failed: upstream-failed\n` : 'Request failed: overloaded\n'
        })
        expect(textOf(events)).toBe(bodies.map((body, at) => `--- [${'ABC'[at]}] ---\n${body}`).join('\n'))
        expect(events.filter(({ type }) => type === 'finish')).toEqual([finish()])
        expect(JSON.stringify(events)).not.toContain('canary')
      })
    }
  }

  test('an empty answer gives an empty section', async () => {
    const { events } = await drain(panelOf(saying(), saying('', 'B'), saying())(aRequest, aCall()))
    expect(textOf(events)).toBe('--- [A] ---\n\n--- [B] ---\nB\n--- [C] ---\n')
  })

  test('the sections have the order of the members, and the first one is streamed', async () => {
    const [a, b, c] = [ledChat(), ledChat(), ledChat()]
    const events = eventsOf(panelOf(a.chat, b.chat, c.chat)(aRequest, aCall()))
    const next = async () => (await within(events.next(), 20_000, 'an event')).value
    const first = next()
    c.say(text('C'), finish())
    expect(await first).toEqual(text('--- [A] ---\n'))
    b.say(text('B'), finish())
    const second = next()
    a.say(text('A1'))
    expect(await second).toEqual(text('A1'))
    const third = next()
    a.say(text('A2'), finish())
    expect(await third).toEqual(text('A2'))
    expect(textOf(await Array.fromAsync({ [Symbol.asyncIterator]: () => events }))).toBe(
      '\n--- [B] ---\nB\n--- [C] ---\nC',
    )
  })

  test('a member that hangs only delays the sections after it', async () => {
    const hung = ledChat()
    const events = panelOf(saying('A'), hung.chat, saying('C'))(aRequest, aCall())
    const seen: ChatEvent[] = []
    for await (const event of eventsOf(events)) {
      seen.push(event)
      if (event.type === 'text' && event.text.includes('[B]')) hung.say(text('late'), finish())
    }
    expect(textOf(seen)).toBe('--- [A] ---\nA\n--- [B] ---\nlate\n--- [C] ---\nC')
  })

  test('reasoning stays reasoning, a refusal becomes text, and annotations move with their text', async () => {
    const annotations = [{ url: 'https://example.com', start: 0, end: 3 }]
    const cited: ChatEvent = { type: 'text', choice: 0, part: 0, text: 'see', annotations }
    const { events } = await drain(
      panelOf(
        answering(
          { type: 'reasoning', choice: 0, part: 0, text: 'hm' },
          { type: 'refusal', choice: 0, part: 0, text: 'no' },
          finish(),
        ),
        answering(text('x'), cited, finish()),
      )(aRequest, aCall()),
    )
    expect(events).toContainEqual({ type: 'reasoning', choice: 0, part: 1, text: 'hm' })
    expect(events).toContainEqual(text('no', 0, 2))
    const start = '--- [A] ---\nno\n--- [B] ---\n'.length
    const moved = { url: 'https://example.com', start, end: start + 3 }
    expect(events).toContainEqual({ type: 'text', choice: 0, part: 2, text: 'see', annotations: [moved] })
  })

  test('a column contains no native chunks', async () => {
    const native = { dialect: 'openai-chat', form: 'chunk', value: {} } as const
    const { events } = await drain(panelOf(answering({ ...text('A'), native }, finish()))(aRequest, aCall()))
    expect(events.some((event) => event.native)).toBe(false)
  })

  for (const [parameters, param] of [
    [{ tools: [{ type: 'function', name: 'f' }] }, 'tools'],
    [{ responseFormat: { type: 'json' } }, 'response_format'],
  ] as const)
    test(`${param} is refused for one column, but allowed if each member is a choice`, async () => {
      const chat = panelOf(saying('A'), saying('B'))
      const refused = await drain(chat({ ...aRequest, parameters }, aCall()))
      expect(refused).toMatchObject({ events: [], thrown: { reason: 'unsupported', param } })
      expect((await drain(chat({ ...aRequest, parameters: { ...parameters, choices: 2 } }, aCall()))).thrown).toBe(
        undefined,
      )
    })
})

describe('a choice for each member', () => {
  test('all are streamed at the same time, and a failure becomes text of its choice', async () => {
    const [a, b] = [ledChat(), ledChat()]
    const events = eventsOf(panelOf(a.chat, b.chat, answering(failure('timeout')))(sideBySide(3), aCall()))
    const next = async () => (await within(events.next(), 20_000, 'an event')).value
    const first = next()
    b.say(text('B1'))
    expect(await first).toEqual(text('B1', 1))
    expect(await next()).toEqual(text('Request failed: timeout\n', 2))
    expect(await next()).toEqual({ type: 'part-end', choice: 2, part: 0 })
    expect(await next()).toEqual(finish(2))
    const second = next()
    a.say(text('A1'))
    expect(await second).toEqual(text('A1', 0))
    a.say(finish())
    b.say(text('B2'), finish())
    const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => events })
    expect([textOf(rest, 0), textOf(rest, 1)]).toEqual(['', 'B2'])
    expect(rest.filter(({ type }) => type === 'finish').length).toBe(2)
  })

  test('an interrupted member keeps its text, and a failure after the finish is ignored', async () => {
    const chat = panelOf(answering(text('A'), failure()), answering(text('B'), finish(), failure()))
    const { events, thrown } = await drain(chat(sideBySide(2), aCall()))
    expect(thrown).toBeUndefined()
    expect([textOf(events, 0), textOf(events, 1)]).toEqual(['A\nRequest failed: overloaded\n', 'B'])
    expect(events.filter(({ type }) => type === 'finish').length).toBe(2)
  })

  test('a reader that leaves between two events waits for no member', async () => {
    const [a, b] = [ledChat(), ledChat()]
    const events = eventsOf(panelOf(a.chat, b.chat)(sideBySide(2), aCall()))
    const first = events.next()
    a.say(text('A'))
    await first
    await within(Promise.resolve(events.return(undefined)), 20_000, 'the end')
    expect([a.seen.isAborted, b.seen.isAborted]).toEqual([true, true])
  })
})

describe('failed members', () => {
  for (const choices of [1, 3]) {
    test(`fail the call with their common reason (n = ${choices})`, async () => {
      const chat = panelOf(answering(failure()), answering(failure()), answering(failure()))
      expect((await drain(chat(sideBySide(choices), aCall()))).thrown).toMatchObject({ reason: 'overloaded' })
    })
    test(`fail the call with upstream-failed if their reasons differ (n = ${choices})`, async () => {
      const chat = panelOf(answering(failure()), answering(failure('timeout')), answering(failure('rate-limited')))
      const { events, thrown } = await drain(chat(sideBySide(choices), aCall()))
      expect({ events, thrown }).toMatchObject({ events: [], thrown: { reason: 'upstream-failed' } })
      expect(String(thrown)).toContain('overloaded, timeout, rate-limited')
      expect(String(thrown)).not.toContain('canary')
    })
  }

  test('include a chat that throws when it is called', async () => {
    const broken: Chat = () => {
      throw new TypeError('x is undefined')
    }
    const lines: LogLine[] = []
    const { events } = await drain(panelOf(saying('A'), broken)(aRequest, aCall(undefined, lines)))
    expect(textOf(events)).toBe('--- [A] ---\nA\n--- [B] ---\nRequest failed: internal\n')
  })
})

describe('a refused request', () => {
  const ask = (request: Partial<ChatRequest>) => {
    const lead = ledChat()
    return drain(panelOf(lead.chat, lead.chat, lead.chat)({ ...aRequest, ...request }, aCall())).then((outcome) => ({
      ...outcome,
      isAsked: lead.seen.isAsked,
    }))
  }
  for (const choices of [0, 2, 4, 128])
    test(`n = ${choices} for three members asks no member`, async () => {
      const outcome = await ask({ parameters: { choices }, spelling: { choices: 'n' } })
      expect(outcome).toMatchObject({ isAsked: false, thrown: { reason: 'invalid-request', param: 'n' } })
    })
  test('without a user message asks no member', async () => {
    const outcome = await ask({ messages: [{ role: 'system', content: [] }] })
    expect(outcome).toMatchObject({ isAsked: false, thrown: { reason: 'invalid-request', param: 'messages' } })
  })
})

test('the usage has the sum and the share of each member, even of a member whose answer was interrupted', async () => {
  const chat = panelOf(
    answering(text('A'), finish(), counted(3, 5)),
    answering(text('B'), counted(3, 1, 'estimate'), failure()),
    answering(failure()),
  )
  for (const choices of [1, 3]) {
    const { events } = await drain(chat(sideBySide(choices), aCall()))
    expect(events.filter(({ type }) => type === 'usage')).toEqual([events.at(-1) ?? finish()])
    expect(events.at(-1)).toMatchObject({
      usage: {
        inputTokens: 6,
        outputTokens: 6,
        totalTokens: 12,
        source: 'estimate',
        shares: [
          { title: 'A', usage: { outputTokens: 5, source: 'upstream' } },
          { title: 'B', usage: { outputTokens: 1, source: 'estimate' } },
        ],
      },
    })
  }
})

test('the receipt has the worst treatment of each parameter, and names all upstreams', async () => {
  const noting =
    (temperature: 'honoured' | 'dropped' | 'mapped'): Chat =>
    (request, call) => {
      call.receipt.parameters.set('temperature', temperature)
      call.receipt.upstream = `upstream of ${temperature}`
      expect(request.spelling.choices).toBeUndefined()
      return saying('x')(request, call)
    }
  const chat = panelOf(noting('honoured'), noting('dropped'), noting('mapped'))
  const call = aCall()
  await drain(chat({ ...sideBySide(3), spelling: { choices: 'n' } }, call))
  expect(Object.fromEntries(call.receipt.parameters)).toEqual({ temperature: 'dropped', n: 'emulated' })
  expect(call.receipt.attempts).toBe(3)
  expect(call.receipt.upstream).toBe('upstream of honoured, upstream of dropped, upstream of mapped')
})

test('the failure of a member is logged', async () => {
  const lines: LogLine[] = []
  await drain(panelOf(saying('A'), answering(failure()))(aRequest, aCall(undefined, lines)))
  expect(lines).toMatchObject([{ level: 'warn', fields: { member: 'B', err: { code: 'upstream_overloaded' } } }])
})

for (const choices of [1, 3])
  for (const reason of ['cancelled', 'unavailable'] as const)
    test(`a call that is aborted (${reason}) fails with that reason and ends all members, n = ${choices}`, async () => {
      const leads = [ledChat(), ledChat(), ledChat()]
      const lines: LogLine[] = []
      const controller = newCancel()
      const outcome = drain(panelOf(...leads.map(({ chat }) => chat))(sideBySide(choices), aCall(controller, lines)))
      leads[0]?.say(text('A'))
      await Bun.sleep(0)
      controller.abort(new ChatError(reason, { message: '' }))
      const { events, thrown } = await within(outcome, 20_000, 'the end')
      expect(thrown).toMatchObject({ reason })
      expect(JSON.stringify(events)).not.toContain('Request failed')
      expect(leads.map(({ seen }) => seen.isAborted)).toEqual([true, true, true])
      expect(lines).toEqual([])
    })

describe('a later section', () => {
  test('is read ahead up to a limit, and continues when its turn comes', async () => {
    let made = 0
    const flood: Chat = chatOf(async function* () {
      for (; made < 5_000; made++) yield text('x'.repeat(1_000))
      yield finish()
    })
    const first = ledChat()
    const events = eventsOf(panelOf(first.chat, flood)(aRequest, aCall()))
    await events.next()
    for (let seen = -1; seen !== made; await Bun.sleep(5)) seen = made
    expect(made).toBeGreaterThan(100)
    expect(made).toBeLessThan(300)
    first.say(finish())
    const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => events })
    expect(textOf(rest).length).toBe('\n--- [B] ---\n'.length + 5_000_000)
  })
})

test('the column has all sections in order for all answers and failures of its members', async () => {
  const word = fc.string({ maxLength: 5 })
  const member = fc.record({ words: fc.array(word, { maxLength: 4 }), fails: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 5 }), async (members) => {
      const chats = members.map(({ words, fails }) =>
        answering(...words.map((said) => text(said)), fails ? failure() : finish()),
      )
      const { events, thrown } = await drain(panelOf(...chats)(aRequest, aCall()))
      const hasBegun = members.some(({ words, fails }) => !fails || words.some((said) => said !== ''))
      if (!hasBegun) return expect(thrown).toMatchObject({ reason: 'overloaded' })
      const sections = members.map(({ words, fails }, at) => {
        const said = words.join('')
        const line = `${said === '' ? '' : '\n'}Request failed: overloaded\n`
        return `--- [${'ABC'[at] ?? '?'}] ---\n${said}${fails ? line : ''}`
      })
      expect(textOf(events)).toBe(sections.join('\n'))
    }),
  )
})
