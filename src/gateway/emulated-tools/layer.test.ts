import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { partFaultIn } from '../../../test/laws/part-order.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { noThread } from '../../chat/thread.ts'
import { beginAttempt } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { Fold } from '../../flow/fold.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import type { Upstream } from '../../providers/provider.ts'
import { aCall, aRequest, chatOf, drain, finish, text } from '../chat.double.ts'
import type { WithAccount } from '../layers/account.ts'
import { Emulation, type EmulationMode } from './emulation.ts'
import { emulateTools } from './layer.ts'

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const weather = { type: 'function' as const, name: 'weather', parameters }
const withTools: ChatRequest = { ...aRequest, parameters: { tools: [weather] }, spelling: { tools: 'tools' } }
const textOnly: Support = { parameters: {} }
const written = (city: string) => `{"name": "weather", "arguments": {"city": "${city}"}}`
const reasoning = (said: string, part = 0): ChatEvent => ({ type: 'reasoning', choice: 0, part, text: said })
const usage: ChatEvent = { type: 'usage', choice: 0, usage: { inputTokens: 5, outputTokens: 2, source: 'upstream' } }

interface Given {
  readonly support?: Support
  readonly mode?: EmulationMode
  readonly isWebProduct?: true
  readonly request?: ChatRequest
  readonly runtime?: ManualRuntime
}

/** An upstream that gives these answers, one after the other. */
function setUp(answers: readonly (readonly (ChatEvent | Error)[])[], given: Given = {}) {
  const { support = textOnly, mode = 'all', isWebProduct, runtime = new ManualRuntime() } = given
  const left = [...answers]
  const asked: { readonly request: ChatRequest; readonly known: string | undefined }[] = []
  const upstream: Chat<WithAccount> = chatOf(async function* (request, call) {
    asked.push({ request, known: call.thread.known })
    for (const event of left.shift() ?? []) {
      if (event instanceof Error) throw event
      yield event
    }
    call.thread.keep(`thread ${asked.length}`)
  })
  const named: Upstream = { name: 'up', accounts: [], support, chat: upstream, ...(isWebProduct && { isWebProduct }) }
  const emulation = new Emulation(named, { mode, runtime, lacksTools: () => false })
  const chat = emulateTools(emulation, 'up')(upstream)
  const ask = async (request = withTools) => {
    const plain = aCall(new CancelSource(runtime))
    const call = {
      ...plain,
      attemptAgain: () => void beginAttempt(plain, { upstream: 'up', account: 'a', request: { model: 'model' } }),
      account: { label: 'a', credential: undefined },
      thread: noThread,
    }
    const { events, thrown } = await drain(defer(async () => chat(request, call), call.signal))
    const fold = new Fold({ maxCharacters: 100_000 })
    for (const event of events) fold.add(event)
    return { events, thrown, choices: fold.choices, usage: fold.usage, receipt: call.receipt }
  }
  return { ask, asked }
}

test('calls within the reasoning count if the answer is empty otherwise', async () => {
  const thought = [reasoning('I ask.\n'), reasoning(`<tool_call>\n${written('Rome')}\n</tool_call>`), finish()]
  const { choices } = await setUp([thought]).ask()
  expect(choices[0]).toMatchObject({
    finish: 'tool-calls',
    parts: [{ type: 'reasoning' }, { type: 'tool-call', name: 'weather', arguments: '{"city":"Rome"}' }],
  })
  const said = [reasoning(written('Rome')), text('It is sunny.', 0, 1), finish()]
  expect((await setUp([said]).ask()).choices[0]).toMatchObject({
    finish: 'stop',
    parts: [{}, { text: 'It is sunny.' }],
  })
})

test('each of several choices has its own calls', async () => {
  const answer = [
    text(written('Rome'), 0),
    text('Sunny.', 1),
    text(written('Oslo'), 2),
    finish(0),
    finish(1),
    finish(2),
  ]
  const { choices } = await setUp([answer]).ask()
  expect(choices.map(({ finish: reason }) => reason)).toEqual(['tool-calls', 'stop', 'tool-calls'])
})

test('a model that writes the same call without end is stopped', async () => {
  const { choices } = await setUp([
    [text(Array.from({ length: 50 }, () => written('Rome')).join('\n')), finish()],
  ]).ask()
  expect(choices[0]?.parts).toHaveLength(2)
})

test('the second request goes to the thread that the first one made, and only with what is wrong', async () => {
  const wrong = [text('<tool_call>{"name": "weather", "arguments": {}}</tool_call>'), finish(), usage]
  const { ask, asked } = setUp([wrong, [text(written('Rome')), finish(), usage]])
  const { choices, usage: counted } = await ask()
  expect(choices[0]?.parts).toMatchObject([{ type: 'tool-call', arguments: '{"city":"Rome"}' }])
  expect(counted).toMatchObject({ inputTokens: 10, outputTokens: 4, source: 'upstream' })
  expect(asked.map(({ known }) => known)).toEqual([undefined, 'thread 1'])
  expect(asked[1]?.request.messages.slice(-2).map(({ role }) => role)).toEqual(['assistant', 'user'])
})

test('what cannot be corrected is given as text', async () => {
  const wrong = [text('Look:\n<tool_call>{"name": "weather", "arguments": {}}</tool_call>'), finish()]
  const { choices } = await setUp([wrong, wrong]).ask()
  expect(choices[0]).toMatchObject({ finish: 'stop' })
  expect(choices[0]?.parts).toMatchObject([{ text: expect.stringContaining('"arguments": {}') }])
})

test('a history with tools is told also if the request has none', async () => {
  const { ask, asked } = setUp([[text('Done.'), finish()]])
  const call = { type: 'tool-call' as const, id: 'c', name: 'weather', arguments: '{"city":"Rome"}' }
  const result = {
    role: 'tool' as const,
    toolCallId: 'c',
    isError: true,
    content: [{ type: 'text' as const, text: '25' }],
  }
  await ask({ ...aRequest, messages: [...aRequest.messages, { role: 'assistant', content: [call] }, result] })
  expect(asked[0]?.request.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  expect(JSON.stringify(asked[0]?.request.messages)).toMatch(/name=\\"weather\\" error=\\"true\\"/)
})

describe('a service for people', () => {
  const person: Given = { isWebProduct: true }

  test('gets emulated requests only if the operator wants it', async () => {
    const { ask, asked } = setUp([[text('Hi.'), finish()]], { ...person, mode: 'api' })
    await ask()
    expect(asked[0]?.request).toBe(withTools)
  })

  test('gets no more of them once it has blocked one', async () => {
    const { ask, asked } = setUp([[new ChatError('challenged', { message: 'A challenge.' })], []], person)
    expect((await ask()).thrown).toMatchObject({ reason: 'challenged' })
    expect((await ask()).thrown).toMatchObject({ reason: 'unsupported' })
    expect(asked).toHaveLength(1)
  })

  test('gets them at the pace of a person', async () => {
    const runtime = new ManualRuntime()
    const answer = [text('Hi.'), finish()]
    const { ask, asked } = setUp([answer, answer], { ...person, runtime })
    await ask()
    const second = ask()
    await runtime.advance(5_999)
    expect(asked).toHaveLength(1)
    await runtime.advance(1)
    await second
    expect(asked).toHaveLength(2)
  })
})

describe('an upstream with tools', () => {
  const native: Support = { parameters: { tools: 'honoured', toolChoice: 'honoured' } }
  const refusal = (message: string) => new ChatError('invalid-request', { message, upstreamStatus: 400 })

  test('gets the request unchanged', async () => {
    const { ask, asked } = setUp([[text('Hi.'), finish()]], { support: native })
    expect((await ask()).receipt.parameters.size).toBe(0)
    expect(asked[0]?.request).toBe(withTools)
  })

  test('is not emulated because it refuses a choice, or one tool', async () => {
    for (const message of [
      'tool_choice is not supported by this model.',
      'tools[0].function.parameters: unsupported schema',
    ]) {
      const { ask, asked } = setUp([[refusal(message)]], { support: native })
      expect((await ask()).thrown).toMatchObject({ reason: 'invalid-request' })
      expect(asked).toHaveLength(1)
    }
  })
})

test('whatever a model writes, the events obey law 1, in any pieces', async () => {
  const pieces = fc.constantFrom(
    'Some words. ',
    '\n',
    `<tool_call>\n${written('Rome')}\n</tool_call>`,
    '<tool_call>{"name": "weather"}',
    written('Oslo'),
    '```json\n',
    '```',
    '<function=weather><parameter=city>Rome</parameter></function>',
    '<tool_result>',
    '{"name": "wea',
  )
  const deltas = fc.array(fc.record({ said: pieces, isThought: fc.boolean(), at: fc.nat(3) }), { maxLength: 8 })
  const choice: readonly Fields[] = [{}, { toolChoice: { type: 'required' } }, { parallelToolCalls: false }]
  await fc.assert(
    fc.asyncProperty(deltas, fc.constantFrom(...choice), async (said, more) => {
      let part = -1
      let last: boolean | undefined
      const answer = said.flatMap(({ said: words, isThought, at }): ChatEvent[] => {
        const ended: ChatEvent[] =
          last !== undefined && last !== isThought ? [{ type: 'part-end', choice: 0, part }] : []
        if (last !== isThought) part++
        last = isThought
        const halves = [words.slice(0, at), words.slice(at)]
        return [...ended, ...halves.map((half) => (isThought ? reasoning(half, part) : text(half, 0, part)))]
      })
      const closed: ChatEvent[] = part >= 0 ? [{ type: 'part-end', choice: 0, part }] : []
      const { ask } = setUp([
        [...answer, ...closed, finish()],
        [text('No.'), { type: 'part-end', choice: 0, part: 0 }, finish()],
      ])
      const { events, thrown } = await ask({ ...withTools, parameters: { ...withTools.parameters, ...more } })
      expect(partFaultIn(events)).toBeUndefined()
      const finishes = events.filter(({ type }) => type === 'finish')
      expect(finishes).toHaveLength(thrown === undefined ? 1 : 0)
      const hasCalls = events.some(({ type }) => type === 'tool-call')
      if (thrown === undefined) expect(finishes[0]).toMatchObject({ reason: hasCalls ? 'tool-calls' : 'stop' })
    }),
    { numRuns: 300 },
  )
})
