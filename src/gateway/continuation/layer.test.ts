import { describe, expect, test } from 'bun:test'
import { ChatError, type Reason } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { ManualRuntime } from '../../flow/runtime.double.ts'
import { aCall, aRequest, chatOf, drain, finish, silence, text } from '../chat.double.ts'
import { countTokens } from '../count-tokens.ts'
import { continuation } from './layer.ts'
import { resume } from './resume.ts'

const deadlines = { firstEventMs: 60_000, wholeMs: 600_000, idleMs: 60_000 }
const opening = 'The first sentence of this answer is long enough to be found.'
const ending = { type: 'part-end', choice: 0, part: 0 } as const
const seam = { from: 'a', to: 'a', after: 'upstream_error', way: 'anchor' } as const

const failure = (reason: Reason = 'upstream-failed') => new ChatError(reason, { message: 'It broke off.' })

/** What an upstream does with each request in turn. An error is thrown, and `silence` waits. */
type Script = readonly (ChatEvent | Error | 'silence')[]

interface Scene {
  readonly request?: Partial<ChatRequest>
  /** Whether the model follows instructions. */
  readonly followsInstructions?: false
  /** Whether the upstream is known to take the beginning of an answer. */
  readonly takesPrefix?: true
}

/** One upstream behind both layers. Returns what the client gets, and what the upstream was asked. */
async function play(scripts: readonly Script[], { request = {}, followsInstructions, takesPrefix }: Scene = {}) {
  const runtime = new ManualRuntime()
  const call = aCall(new CancelSource(runtime))
  const asked: ChatRequest[] = []
  const upstream: Chat = chatOf(async function* (one, { attempts, signal }) {
    const script = scripts[asked.length] ?? [failure()]
    asked.push(one)
    attempts.spend({ upstream: 'a' })
    for (const step of script) {
      if (step instanceof Error) throw step
      if (step === 'silence') await silence(signal)
      else yield step
    }
  })
  const chain = resume({
    upstream: {
      name: 'a',
      ...(followsInstructions === false && { followsInstructions }),
      ...(takesPrefix && { prefixOf: () => ({ isRepeated: false }) }),
    },
    modelOf: (id) => ({ id }),
    countTokens,
  })(upstream)
  const route: Chat = (one, own) => {
    if (one.wishes?.not?.includes('a')) throw new ChatError('model-not-found', { message: 'There is no other.' })
    return chain(one, own)
  }
  const flow = continuation({ deadlines, countTokens })(route)({ ...aRequest, ...request }, call)
  const drained = drain(flow)
  await runtime.advance(120_000)
  return { ...(await drained), asked, seams: call.receipt.seams ?? [] }
}

const words = (events: readonly ChatEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('')

describe('an answer that breaks off', () => {
  test('goes on in the same part, with one seam and one finish', async () => {
    const { events, thrown, seams } = await play([
      [text(opening), failure()],
      [text(opening), text(' And more.'), ending, finish()],
    ])
    expect(thrown).toBeUndefined()
    expect(events).toEqual([text(opening), { type: 'seam', choice: 0, seam }, text(' And more.'), ending, finish()])
    expect(seams).toEqual([{ ...seam, at: expect.any(Number) }])
  })

  test('is asked for by its end, after all that was sent before', async () => {
    const { asked } = await play([[text(opening), failure()]])
    expect(asked).toHaveLength(2)
    const [, second] = asked
    expect(second?.messages.slice(0, 1)).toEqual([...aRequest.messages])
    expect(second?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(second?.wishes).toEqual({ order: ['a'] })
    expect(second?.broken).toBeUndefined()
  })

  test('goes on in the next part if the text was complete', async () => {
    const { events } = await play([
      [text(opening), ending, failure()],
      [text(`${opening} And more.`), ending, finish()],
    ])
    expect(events.slice(2)).toMatchObject([
      { type: 'seam' },
      { type: 'text', part: 1 },
      { type: 'part-end', part: 1 },
      finish(),
    ])
  })

  test('ends if nothing was missing', async () => {
    const { events, thrown } = await play([
      [text(opening), failure()],
      [text(opening), ending, finish()],
    ])
    expect(thrown).toBeUndefined()
    expect(events).toEqual([text(opening), { type: 'seam', choice: 0, seam }, ending, finish()])
  })

  test('may break off twice', async () => {
    const { events, thrown, asked } = await play([
      [text(opening), failure()],
      [text(`${opening} The second sentence has its own words, too.`), failure('overloaded')],
      [text('The second sentence has its own words, too. And the third.'), ending, finish()],
    ])
    expect(thrown).toBeUndefined()
    expect(words(events)).toBe(`${opening} The second sentence has its own words, too. And the third.`)
    expect(events.filter(({ type }) => type === 'seam')).toHaveLength(2)
    expect(asked[2]?.wishes).toEqual({ order: ['a'] })
  })

  test('is asked for its end if the upstream refuses to be given its beginning', async () => {
    const scripts: readonly Script[] = [
      [text(opening), failure()],
      [failure('invalid-request')],
      [text(opening), text(' And more.'), ending, finish()],
    ]
    const { events, thrown, asked } = await play(scripts, { takesPrefix: true })
    expect(thrown).toBeUndefined()
    expect(words(events)).toBe(`${opening} And more.`)
    expect(asked.map(({ messages }) => messages.length)).toEqual([1, 2, 3])
  })

  test('ends with its last error if it breaks off three times', async () => {
    const { thrown, asked } = await play([
      [text(opening), failure()],
      [text(`${opening} The second sentence has its own words, too.`), failure('overloaded')],
      [text('The second sentence has its own words, too. And so on.'), failure('timeout')],
    ])
    expect(thrown).toMatchObject({ reason: 'timeout' })
    expect(asked).toHaveLength(3)
  })

  test('has the tokens of both requests', async () => {
    const usage = (inputTokens: number): ChatEvent => ({
      type: 'usage',
      choice: 0,
      usage: { inputTokens, outputTokens: 1, source: 'upstream' },
    })
    const { events } = await play([
      [text(opening), usage(7), failure()],
      [usage(9), text(`${opening} And more.`), ending, finish(), usage(10)],
    ])
    expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { inputTokens: 17, outputTokens: 2 } })
  })

  test('shows nothing of another answer, and keeps its own error', async () => {
    const error = failure()
    for (const second of [[text('Something else.'), finish()], [failure('rate-limited')], [finish()]]) {
      const { events, thrown } = await play([[text(opening), error], second])
      expect(events).toEqual([text(opening)])
      expect(thrown).toBe(error)
    }
  })

  test('waits for the seam no longer than for a first event', async () => {
    const error = failure()
    const { thrown, asked } = await play([
      [text(opening), error],
      [text('Let me think.'), 'silence'],
    ])
    expect(thrown).toBe(error)
    expect(asked).toHaveLength(2)
  })
})

describe('reasoning', () => {
  const reasoning = (said: string, part = 0): ChatEvent => ({ type: 'reasoning', choice: 0, part, text: said })

  test('that breaks off is followed by the whole answer', async () => {
    const { events, asked } = await play([
      [reasoning('Hm'), failure()],
      [reasoning('Hm, well'), ending, text('Yes.', 0, 1), { ...ending, part: 1 }, finish()],
    ])
    expect(events).toEqual([
      reasoning('Hm'),
      { type: 'seam', choice: 0, seam: { ...seam, way: 'anew' } },
      ending,
      reasoning('Hm, well', 1),
      { ...ending, part: 1 },
      text('Yes.', 0, 2),
      { ...ending, part: 2 },
      finish(),
    ])
    expect(asked[1]?.messages).toBe(aRequest.messages)
  })

  test('before the text of the new answer is not shown', async () => {
    const { events } = await play([
      [text(opening), failure()],
      [reasoning('Where was I?'), ending, text(`${opening} And more.`, 0, 1), { ...ending, part: 1 }, finish()],
    ])
    expect(events.map(({ type }) => type)).toEqual(['text', 'seam', 'text', 'part-end', 'finish'])
  })
})

describe('tool calls', () => {
  const call: ChatEvent = { type: 'tool-call', choice: 0, part: 1, id: 'one', name: 'clock' }
  const tools = [{ type: 'function', name: 'clock' }] as const
  const wanted = { parameters: { tools }, wishes: { continue: true } }

  test('of which nothing was shown are made anew', async () => {
    for (const rest of [[text(opening), ending], []]) {
      const { events, thrown } = await play(
        [
          [text(opening), failure()],
          [...rest, call, { ...ending, part: 1 }, { ...finish(), reason: 'tool-calls' } as ChatEvent],
        ],
        { request: wanted },
      )
      expect(thrown).toBeUndefined()
      const types = events.map(({ type }) => type)
      expect(types).toEqual(['text', 'seam', 'part-end', 'tool-call', 'part-end', 'finish'])
      expect(events[3]).toEqual({ ...call, part: 1 })
    }
  })

  test('of which something was shown end with the error', async () => {
    const { thrown, asked } = await play([[text(opening), ending, call, failure()]], { request: wanted })
    expect(thrown).toMatchObject({ reason: 'upstream-failed' })
    expect(asked).toHaveLength(1)
  })

  test('do not replace half a sentence', async () => {
    const { thrown } = await play(
      [
        [text('The first sentence of this answer is not comp'), failure()],
        [call, finish()],
      ],
      { request: wanted },
    )
    expect(thrown).toMatchObject({ reason: 'upstream-failed' })
  })
})

describe('an answer is not continued', () => {
  const isNot = async (script: Script, scene: Scene = {}) => {
    const { asked } = await play([script], scene)
    expect(asked).toHaveLength(1)
  }
  const broken = [text(opening), failure()]

  test('after a failure that another request would not mend', async () => {
    for (const reason of [
      'content-filtered',
      'invalid-request',
      'upstream-outdated',
      'unavailable',
      'internal',
      'cancelled',
    ] as const)
      await isNot([text(opening), failure(reason)])
  })

  test('if it has more than text', async () => {
    const file: ChatEvent = {
      type: 'file',
      choice: 0,
      part: 1,
      file: { type: 'image', url: 'data:image/png;base64,AA==' },
    }
    for (const event of [
      file,
      text('b', 1),
      { type: 'refusal', choice: 0, part: 1, text: 'no' } as ChatEvent,
      finish(),
    ])
      await isNot([text(opening), event, failure()])
  })

  test('if only white space was shown, or too little, or too much', async () => {
    await isNot([text('\n\n  '), failure()])
    const { asked } = await play([[text('Too short.'), failure()]])
    expect(asked).toHaveLength(1)
    await isNot([text('long '.repeat(60_000)), failure()])
  })

  test('if the request does not allow it', async () => {
    await isNot(broken, { request: { wishes: { continue: false } } })
    await isNot(broken, { request: { parameters: { choices: 2 } } })
    await isNot(broken, { request: { parameters: { logprobs: true } } })
    await isNot(broken, { request: { parameters: { responseFormat: { type: 'json' } } } })
    await isNot(broken, { request: { messages: [...aRequest.messages, { role: 'assistant', content: [] }] } })
  })

  test('by a model that follows no instructions', async () => {
    await isNot(broken, { followsInstructions: false })
  })
})

test('a limit of tokens holds for the whole answer, by an estimate', async () => {
  const { asked } = await play([[text(opening), failure()]], { request: { parameters: { maxTokens: 100 } } })
  const anchor = asked[1]?.parameters.maxTokens ?? 0
  expect(anchor).toBeGreaterThan(100 - countTokens(opening))
  expect(anchor).toBeLessThan(120)
  const reached = await play([[text(opening), failure()]], { request: { parameters: { maxTokens: 5 } } })
  expect(reached.events).toEqual([text(opening), ending, { type: 'finish', choice: 0, reason: 'length' }])
  expect(reached.asked).toHaveLength(1)
})

test('an answer that does not break off passes unchanged', async () => {
  const events = [text(opening), text(' And more.'), ending, finish()]
  expect((await play([events])).events).toEqual(events)
})
