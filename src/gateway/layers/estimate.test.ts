import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, UsageEvent } from '../../chat/event.ts'
import type { AnswerUsage } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { readAll } from '../../flow/flow.double.ts'
import { events as eventsOf, failedFlow } from '../../flow/flow.ts'
import { aCall, answering, aRequest, drain, finish, type LogLine, text } from '../chat.double.ts'
import { countTokens } from '../count-tokens.ts'
import { estimate } from './estimate.ts'
import { observe } from './observe.ts'

const cut = new ChatError('upstream-failed', { message: 'cut' })
const cancelled = new ChatError('cancelled', { message: 'left' })
const byUpstream: UsageEvent = {
  type: 'usage',
  choice: 0,
  usage: { inputTokens: 3, outputTokens: 0, source: 'upstream' },
}

const withEstimate = (chat: Chat) => estimate({ countTokens, upstream: 'a' })(chat)
const usages = (events: readonly ChatEvent[]) => events.filter((event) => event.type === 'usage')

/** Events of an upstream before the end of its answer. */
const said: fc.Arbitrary<ChatEvent> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }).map((words) => text(words)),
  fc.string({ maxLength: 30 }).map((words): ChatEvent => ({ type: 'reasoning', choice: 0, part: 0, text: words })),
  fc.string({ maxLength: 30 }).map((json): ChatEvent => ({ type: 'tool-arguments', choice: 0, part: 0, json })),
  fc.constant<ChatEvent>({ type: 'tool-call', choice: 0, part: 0, id: 'a', name: 'weather' }),
)

function wordsIn(event: ChatEvent): string {
  if (event.type === 'tool-call') return event.name
  if (event.type === 'tool-arguments') return event.json
  return 'text' in event ? event.text : ''
}

describe('an answer without usage from its upstream', () => {
  test('gets one estimate at its end, with at least one token for a text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { maxLength: 8 }), fc.constantFrom('end', 'cut'), async (events, end) => {
        const script = end === 'end' ? [...events, finish()] : [...events, cut]
        const outcome = await drain(withEstimate(answering(...script))(aRequest, aCall()))
        const words = events.map(wordsIn).join('')
        const isCounted = end === 'end' || words !== ''
        expect(outcome.thrown).toBe(end === 'end' ? undefined : cut)
        expect(outcome.events.slice(0, script.length - (end === 'end' ? 0 : 1))).toEqual(
          end === 'end' ? [...events, finish()] : events,
        )
        expect(usages(outcome.events)).toHaveLength(isCounted ? 1 : 0)
        if (isCounted) expect(outcome.events.at(-1)?.type).toBe('usage')
        const [counted] = usages(outcome.events)
        if (counted?.type !== 'usage') return
        const { inputTokens = 0, outputTokens = 0, totalTokens, source } = counted.usage
        expect(source).toBe('estimate')
        expect(inputTokens).toBeGreaterThan(0)
        if (words !== '') expect(outputTokens).toBeGreaterThan(0)
        expect(totalTokens).toBe(inputTokens + outputTokens)
      }),
    )
  })

  test('gets no estimate if it failed before its first text, or was cancelled', async () => {
    expect(usages((await drain(withEstimate(answering(cut))(aRequest, aCall()))).events)).toEqual([])
    expect(usages((await drain(withEstimate(answering(text(''), cut))(aRequest, aCall()))).events)).toEqual([])
    expect(usages((await drain(withEstimate(answering(text('a'), cancelled))(aRequest, aCall()))).events)).toEqual([])
  })

  test('gets an estimate that includes messages, tools and earlier calls', async () => {
    const inputOf = async (request: Partial<typeof aRequest>) => {
      const { events } = await drain(withEstimate(answering(finish()))({ ...aRequest, ...request }, aCall()))
      const [counted] = usages(events)
      return counted?.type === 'usage' ? (counted.usage.inputTokens ?? 0) : 0
    }
    const plain = await inputOf({})
    const call = { type: 'tool-call', id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' } as const
    const messages = [...aRequest.messages, { role: 'assistant', content: [call] }] as const
    expect(await inputOf({ messages })).toBeGreaterThan(plain + 8)
    const tools = [{ type: 'function', name: 'weather', description: 'Tells the weather of a city.' }] as const
    expect(await inputOf({ parameters: { tools } })).toBeGreaterThan(plain)
  })
})

test('an upstream’s own usage is kept, wherever it comes and even if it is zero', async () => {
  for (const script of [
    [byUpstream, text('a'), finish()],
    [text('a'), byUpstream, finish()],
    [text('a'), finish(), byUpstream],
    [text('a'), byUpstream, cut],
  ]) {
    const { events } = await drain(withEstimate(answering(...script))(aRequest, aCall()))
    expect(usages(events)).toEqual([byUpstream])
  }
})

test('no event comes after the reader has closed the flow', async () => {
  const events = eventsOf(withEstimate(answering(text('a'), finish()))(aRequest, aCall()))
  await events.next()
  await events.return(undefined)
  expect(await events.next()).toEqual({ done: true, value: undefined })
})

test('a failure is thrown at every read, and its estimate comes once', async () => {
  const answer = withEstimate(answering(text('a'), cut))(aRequest, aCall())
  await answer.next()
  expect(await answer.next()).toMatchObject([{ type: 'usage' }])
  for (let time = 0; time < 2; time++) expect((await readAll(answer)).thrown).toBe(cut)
})

test('the log line of an interrupted call has its tokens', async () => {
  const lines: LogLine[] = []
  await drain(observe()(withEstimate(answering(text('a cup of tea'), cut)))(aRequest, aCall(undefined, lines)))
  expect(lines).toMatchObject([{ fields: { outcome: 'upstream_error', inputTokens: 7, outputTokens: 4 } }])
})

describe('tokens', () => {
  test('an empty text has no tokens, and any other text has at least one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), (words) => {
        expect(countTokens(words)).toBeGreaterThan(0)
        expect(Number.isSafeInteger(countTokens(words))).toBe(true)
      }),
      { numRuns: runs(2_000) },
    )
    expect(countTokens('')).toBe(0)
    for (const white of [' ', '\n', '\t\n ', '\u3000', '\u200b']) expect(countTokens(white)).toBeGreaterThan(0)
  })

  test('a long text is counted in bounded time, in proportion to its length', () => {
    const startedAt = performance.now()
    const short = countTokens('A cup of tea. '.repeat(1_000))
    const long = countTokens('A cup of tea. '.repeat(1_000_000))
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(Math.abs(long / short / 1_000 - 1)).toBeLessThan(0.05)
  })
})

test('a long answer is counted in parts, so that it is not kept in memory', async () => {
  const counted: number[] = []
  const count = (words: string) => {
    counted.push(words.length)
    return words.length
  }
  const counting = estimate({ countTokens: count, upstream: 'a' })
  const events = Array.from({ length: 1_000 }, () => text('x'.repeat(1_000)))
  const outcome = await drain(counting(answering(...events, finish()))(aRequest, aCall()))
  expect(usages(outcome.events)).toMatchObject([{ usage: { outputTokens: 1_000_000, source: 'estimate' } }])
  expect(Math.max(...counted)).toBeLessThan(70_000)
})

test('the words of many events are counted together and in order', async () => {
  const counted: string[] = []
  const count = (words: string) => {
    counted.push(words)
    return words.length
  }
  const counting = estimate({ countTokens: count, upstream: 'a' })
  const words = Array.from({ length: 100 }, (_, at) => `word${at} `)
  await drain(counting(answering(...words.map((one) => text(one)), finish()))(aRequest, aCall()))
  expect(counted).toContain(words.join(''))
})

describe('at its end an answer is told with its usage:', () => {
  function setUp(chat: Chat) {
    const answers: AnswerUsage[] = []
    const cost = { usd: 1, savedUsd: 0 }
    let priced = 0
    const layer = estimate({
      ...{ countTokens, upstream: 'a', onAnswer: (answer) => void answers.push(answer) },
      costOf: () => {
        priced++
        return cost
      },
    })
    return { answers, cost, priced: () => priced, chat: layer(chat) }
  }

  test('with its cost, which is worked out once for all who need it', async () => {
    const { answers, cost, priced, chat } = setUp(answering(byUpstream, text('a'), finish(), byUpstream))
    const call = aCall()
    await drain(chat(aRequest, call))
    expect([answers[0]?.cost, call.receipt.answers[0]?.cost, priced()]).toEqual([cost, cost, 1])
  })

  test('of the upstream, if it states one, and the last that it states', async () => {
    const { answers, chat } = setUp(answering(byUpstream, text('a'), finish(), byUpstream))
    await drain(chat(aRequest, aCall()))
    expect(answers).toMatchObject([{ upstream: 'a', model: aRequest.model, usage: byUpstream.usage }])
  })

  test('estimated, if it was cut after a text', async () => {
    const { answers, chat } = setUp(answering(text('Hello there'), cut))
    await drain(chat(aRequest, aCall()))
    expect(answers).toMatchObject([{ usage: { source: 'estimate', outputTokens: countTokens('Hello there') } }])
  })

  test('estimated, if the client left after a text', async () => {
    const { answers, chat } = setUp(answering(text('Hello there'), finish()))
    const flow = chat(aRequest, aCall())
    await flow.next()
    flow.close()
    flow.close()
    expect(answers).toMatchObject([{ usage: { source: 'estimate', outputTokens: countTokens('Hello there') } }])
  })

  test('estimated, if the client left before a text: the upstream has read the request', async () => {
    const { answers, chat } = setUp(answering(cancelled))
    await drain(chat(aRequest, aCall()))
    expect(answers).toMatchObject([{ usage: { source: 'estimate', outputTokens: 0 } }])
    expect(answers[0]?.usage?.inputTokens).toBeGreaterThan(0)
  })

  test('not at all, if no upstream had the request or it refused', async () => {
    const { answers, chat } = setUp(answering(cut))
    await drain(chat(aRequest, aCall()))
    const unasked = setUp(() => failedFlow(cancelled))
    await drain(unasked.chat(aRequest, aCall()))
    expect([...answers, ...unasked.answers]).toEqual([])
  })
})
