import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { partFaultIn } from '../../../test/laws/part-order.ts'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import type { Part } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { type Answer, fold } from '../../flow/fold.ts'
import { isFields } from '../fields.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer } from './encode-answer.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'ours', model: 'up/m', created: 5, includeUsage: true }

function decoder(choices: number): ReplyDecoder {
  let made = 0
  return new ReplyDecoder({ choices, newId: () => `made_${++made}` })
}

/** The payloads of a stream's events, parsed, `[DONE]` left out. */
function payloads(text: string): unknown[] {
  const lines = text.split('\n\n').slice(0, -1)
  return lines.filter((line) => line !== 'data: [DONE]').map((line) => JSON.parse(line.slice('data: '.length)))
}

function encoded(events: readonly ChatEvent[]): unknown[] {
  const encoder = new StreamEncoder(options)
  return payloads(events.map((event) => encoder.event(event)).join('') + encoder.end())
}

function decoded(chunks: readonly unknown[], choices: number): ChatEvent[] {
  const reader = decoder(choices)
  return [...chunks.flatMap((chunk) => [...reader.chunk(chunk)]), ...reader.end('terminated')]
}

function stream(events: readonly ChatEvent[]): Flow {
  return readyFlow(...events.map((event) => [event]))
}

/**
 * Lists the events of each choice, with neighbours of one kind merged, then the last usage. The order between choices does not
 * matter. The end of a call's part is left out, because `expectLawful` checks it.
 */
function normalised(events: readonly ChatEvent[]): Record<string, unknown> {
  const choices: Record<string, Record<string, unknown>[]> = {}
  let usage: unknown
  for (const { native: _, ...event } of events) {
    if (event.type === 'usage') {
      const { native: _native, ...counts } = event.usage
      usage = counts
      continue
    }
    if (event.type === 'part-end') continue
    if (event.type === 'finish' && 'raw' in event) delete event.raw
    choices[event.choice] ??= []
    const mine = choices[event.choice] ?? []
    const last = mine.at(-1)
    const isNext = 'part' in event && last?.type === event.type && last.part === event.part
    if (isNext && 'text' in event) last.text = `${last.text}${event.text}`
    else if (isNext && event.type === 'tool-arguments') last.json = `${last.json}${event.json}`
    else mine.push({ ...event })
  }
  return { choices, usage }
}

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const word = fc.stringMatching(/^[a-z_]{1,8}$/)

const said = fc.record({ kind: fc.constantFrom('text', 'refusal', 'reasoning'), words: text })

/** One choice's events: texts, then calls whose arguments grow in turns, then the end. */
function choiceEvents(choice: number): fc.Arbitrary<ChatEvent[]> {
  const json = fc.dictionary(word, fc.string(), { minKeys: 1, maxKeys: 2 }).map((value) => JSON.stringify(value))
  return fc
    .record({
      texts: fc.array(said, { minLength: 1, maxLength: 5 }),
      calls: fc.array(fc.record({ name: word, json, cut: fc.nat(6) }), { maxLength: 3 }),
      end: fc.constantFrom<FinishReason>('stop', 'length', 'content-filter'),
    })
    .map(({ texts, calls, end }) => {
      const writer = new PartWriter(choice)
      const events = texts.flatMap(({ kind, words }) => writer[kind](words))
      const parts = calls.map(({ name }, index) => {
        events.push(...writer.toolCall({ id: `c${choice}_${index}`, name }))
        return writer.latestPart
      })
      const grow = (at: number, piece = '') => {
        if (piece !== '') events.push(...writer.toolArguments(parts[at] ?? -1, piece))
      }
      for (const [at, call] of calls.entries()) grow(at, call.json.slice(0, call.cut + 1))
      for (const [at, call] of calls.entries()) grow(at, call.json.slice(call.cut + 1))
      const reason = calls.length > 0 && end === 'stop' ? 'tool-calls' : end
      return [...events, ...writer.finish(reason)]
    })
}

const usage = fc.record({ inputTokens: fc.nat(99), outputTokens: fc.nat(99) }).map(
  ({ inputTokens, outputTokens }): ChatEvent => ({
    type: 'usage',
    choice: 0,
    usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, source: 'upstream' },
  }),
)

/** Merges two streams, and keeps the order of each. */
function shuffled(left: ChatEvent[], right: ChatEvent[], turns: readonly boolean[]): ChatEvent[] {
  const [a, b, mixed] = [[...left], [...right], [] as ChatEvent[]]
  for (const isLeft of turns) {
    const next = (isLeft ? a : b).shift()
    if (next) mixed.push(next)
  }
  return [...mixed, ...a, ...b]
}

const streams = fc
  .tuple(choiceEvents(0), fc.option(choiceEvents(1)), fc.array(fc.boolean(), { maxLength: 30 }), fc.option(usage))
  .map(([first, second, turns, counted]) => ({
    choices: second ? 2 : 1,
    events: [...shuffled(first, second ?? [], turns), ...(counted ? [counted] : [])],
  }))

/** Reduces parts to the form of a whole completion: each kind is joined into one part. */
function flat(parts: readonly Part[]) {
  const words = (kind: Part['type']) =>
    parts.map((part) => ('text' in part && part.type === kind ? part.text : '')).join('')
  return {
    text: words('text'),
    refusal: words('refusal'),
    reasoning: words('reasoning'),
    calls: parts.filter(({ type }) => type === 'tool-call'),
  }
}

describe('law 6: decoding what we encode gives the same events', () => {
  test('as a stream', () => {
    fc.assert(
      fc.property(streams, ({ choices, events }) => {
        expect(normalised(decoded(encoded(events), choices))).toEqual(normalised(events))
      }),
    )
  })

  test('as a whole completion', async () => {
    const comparable = (answer: Answer) => ({
      usage: normalised(answer.usage ? [{ type: 'usage', choice: 0, usage: answer.usage }] : []),
      choices: answer.choices.map(({ native: _, raw: _raw, parts, ...choice }) => ({ ...choice, ...flat(parts) })),
    })
    await fc.assert(
      fc.asyncProperty(streams, async ({ choices, events }) => {
        const answer = await fold(stream(events))
        const whole: unknown = JSON.parse(JSON.stringify(encodeAnswer(answer, options)))
        expect(comparable(await fold(stream(decoder(choices).whole(whole))))).toEqual(comparable(answer))
      }),
    )
  })

  test('annotations and log probabilities too', () => {
    const logprobs = { content: [{ token: 'a', logprob: -1 }], refusal: null }
    const cited = {
      type: 'url_citation',
      url_citation: { url: 'https://example.test', title: 't', start_index: 0, end_index: 1 },
    }
    const filed = { type: 'file_citation', file_id: 'f' }
    const events: ChatEvent[] = [
      { type: 'text', choice: 0, part: 0, text: 'a', logprobs },
      {
        type: 'text',
        choice: 0,
        part: 0,
        text: '',
        annotations: [{ url: 'https://example.test', title: 't', start: 0, end: 1 }],
      },
      { type: 'text', choice: 0, part: 0, text: '', annotations: [{ extra: { 'openai-chat': filed } }] },
      { type: 'part-end', choice: 0, part: 0 },
      {
        type: 'finish',
        choice: 0,
        reason: 'stop',
        raw: 'stop',
        extra: { 'openai-chat': { annotations: [cited, filed] } },
      },
    ]
    expect(decoded(encoded(events), 1).map(({ native: _, ...event }) => event)).toEqual(events)
  })
})

const own = fc.dictionary(fc.stringMatching(/^x_[a-z]{1,4}$/), fc.jsonValue(), { maxKeys: 2, noNullPrototype: true })

/** A valid choice of a chunk, with unknown fields. */
const rightChoice = fc.oneof(
  fc.record({ content: text }),
  fc.record({ content: fc.constant(''), reasoning_content: text }),
  fc.record({ reasoning: text, reasoning_details: fc.array(own, { maxLength: 2 }) }),
  fc.record({ refusal: text }),
  fc.record({ audio: own }),
)

const rightChunk = fc
  .tuple(rightChoice, own, own, own, fc.boolean())
  .map(([delta, inDelta, inChoice, inChunk, isCounted]) => ({
    id: 'theirs',
    object: 'chat.completion.chunk',
    created: 7,
    model: 'm',
    ...inChunk,
    choices: [
      {
        index: 0,
        delta: { role: 'assistant', ...delta, ...inDelta },
        logprobs: null,
        ...inChoice,
        finish_reason: null,
      },
    ],
    ...(isCounted && { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
  }))
  .map((chunk): Record<string, unknown> => JSON.parse(JSON.stringify(chunk)))

/** The members that the encoder sets for the whole stream, and usage, which it moves to the end. */
function withoutHead(chunk: unknown): unknown {
  if (!isFields(chunk)) return chunk
  const { id: _id, model: _model, created: _created, object: _object, usage: _usage, ...others } = chunk
  return others
}

describe('law 6: between equal dialects nothing is lost', () => {
  test('valid chunks are relayed unchanged', () => {
    const end = { choices: [{ index: 0, delta: {}, x_own: { a: [null] }, finish_reason: 'stop' }] }
    fc.assert(
      fc.property(fc.array(rightChunk, { minLength: 1, maxLength: 6 }), (chunks) => {
        const sent = [...chunks, end]
        const found = encoded(decoded(sent, 1))
        const counted = chunks.some((chunk) => 'usage' in chunk)
        expect(found.map(withoutHead)).toEqual([...sent, ...(counted ? [{ choices: [] }] : [])].map(withoutHead))
        expect(found.every((chunk) => isFields(chunk) && chunk.id === 'ours' && chunk.model === 'up/m')).toBe(true)
      }),
    )
  })

  const folder = join(import.meta.dir, 'fixtures')
  const files = readdirSync(folder)
  const whole = files.filter(
    (file) => file.endsWith('.whole.json') && !files.includes(file.replace('.whole.', '.repairs.')),
  )
  for (const file of whole)
    test(`${file} leaves unchanged`, async () => {
      const sent: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      const answer = await fold(stream(decoder(1).whole(sent)))
      expect<unknown>(encodeAnswer(answer, options)).toEqual(
        isFields(sent) ? { ...sent, id: 'ours', model: 'up/m' } : sent,
      )
    })

  test('choices keep their own events, in any order of the upstream', async () => {
    const choice = (index: number) => ({
      index,
      message: { role: 'assistant', content: `${index}` },
      finish_reason: 'stop',
    })
    const answer = await fold(stream(decoder(2).whole({ choices: [choice(1), choice(0)] })))
    expect(encodeAnswer(answer, options).choices).toEqual([choice(0), choice(1)])
  })

  test('an answer with only some whole replies is built from its events', async () => {
    const native = { dialect: 'openai-chat', form: 'whole', value: { own: 1 } } as const
    const answer = await fold(
      stream([
        { type: 'text', choice: 0, part: 0, text: 'a', native },
        { type: 'finish', choice: 0, reason: 'stop' },
      ]),
    )
    const message = { role: 'assistant', content: 'a', refusal: null }
    expect(encodeAnswer(answer, options)).toEqual({
      id: 'ours',
      object: 'chat.completion',
      created: 5,
      model: 'up/m',
      choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    })
  })

  test('answers of several upstream replies keep their own choices, and get the sum of usage', async () => {
    const reply = (content: string) => ({
      own: 1,
      choices: [{ index: 0, message: { content, own: 2 }, finish_reason: 'stop' }],
    })
    const events = ['a', 'b'].flatMap((content, choice) =>
      decoder(1)
        .whole(reply(content))
        .map((event) => ({ ...event, choice })),
    )
    const counted: ChatEvent = {
      type: 'usage',
      choice: 0,
      usage: { inputTokens: 1, outputTokens: 2, source: 'upstream' },
    }
    expect(encodeAnswer(await fold(stream([...events, counted])), options)).toEqual({
      id: 'ours',
      object: 'chat.completion',
      created: 5,
      model: 'up/m',
      own: 1,
      choices: ['a', 'b'].map((content, index) => {
        return { index, message: { role: 'assistant', content, own: 2 }, finish_reason: 'stop' }
      }),
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    })
  })
})

/** Values that an upstream may send: valid, invalid, or partly valid. */
const lyingCall = fc.record(
  {
    index: fc.oneof(fc.nat(2), fc.constantFrom(null, -1, 'x')),
    id: fc.oneof(fc.constantFrom('', 'a', 'b', null), fc.nat(3)),
    type: fc.constantFrom('function', null),
    function: fc.record(
      { name: fc.constantFrom('f', 'g', '', null), arguments: fc.constantFrom('', '{}', '{"a', '":1}', null, {}) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
)
const anyDelta = fc.record(
  {
    role: fc.constantFrom('assistant', null),
    content: fc.oneof(fc.constantFrom('', 'a', '\ud83d', '\ude00', null), fc.jsonValue()),
    reasoning_content: fc.oneof(fc.constantFrom('', 'r', null), fc.jsonValue()),
    refusal: fc.constantFrom('', 'no', null, 5),
    tool_calls: fc.oneof(fc.array(lyingCall, { maxLength: 3 }), fc.constant(null)),
  },
  { requiredKeys: [] },
)
const anyChoice = fc.record(
  {
    index: fc.oneof(fc.nat(2), fc.constant(null)),
    delta: fc.oneof(anyDelta, fc.constant(null)),
    message: anyDelta,
    logprobs: fc.constantFrom(null, { content: [] }),
    finish_reason: fc.constantFrom(
      null,
      null,
      null,
      'stop',
      'tool_calls',
      'length',
      'constructor',
      '__proto__',
      '',
      'error',
    ),
  },
  { requiredKeys: [] },
)
const anyChunk = fc.oneof(
  { weight: 20, arbitrary: fc.record({ choices: fc.array(anyChoice, { maxLength: 3 }) }, { requiredKeys: [] }) },
  {
    weight: 2,
    arbitrary: fc.record({
      choices: fc.constant([]),
      usage: fc.record({ prompt_tokens: fc.nat(5), completion_tokens: fc.nat(5) }),
    }),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
)

/** Law 1 over a list of events: one finish for each choice, as its last event but usage; parts in order, each ended once. */
function expectLawful(events: readonly ChatEvent[]): void {
  const finished = new Set<number>()
  expect(partFaultIn(events)).toBeUndefined()
  for (const event of events) {
    if (event.type === 'usage') continue
    expect(finished.has(event.choice)).toBe(false)
    if (event.type === 'finish') finished.add(event.choice)
    if ('text' in event) expect(event.text.isWellFormed()).toBe(true)
    if (event.type === 'finish')
      expect(['stop', 'length', 'tool-calls', 'content-filter', 'other']).toContain(event.reason)
  }
  expect(finished).toEqual(new Set(events.filter(({ type }) => type !== 'usage').map(({ choice }) => choice)))
  expect(finished.size).toBeGreaterThan(0)
}

function eventsOrError(run: () => readonly ChatEvent[]): readonly ChatEvent[] | undefined {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof ChatError) return undefined
    throw thrown
  }
}

describe('law 1: a stream has one finish for each choice, followed only by usage, or it throws', () => {
  const numRuns = runs(3_000)
  test('for any chunks', () => {
    let finished = 0
    fc.assert(
      fc.property(fc.array(anyChunk, { maxLength: 8 }), fc.integer({ min: 1, max: 3 }), (chunks, choices) => {
        const events = eventsOrError(() => decoded(chunks, choices))
        if (!events) return
        finished++
        expectLawful(events)
        expect(() => encoded(events)).not.toThrow()
      }),
      { numRuns },
    )
    expect(finished).toBeGreaterThan(numRuns / 20)
  })

  test('for any whole completion', () => {
    fc.assert(
      fc.property(anyChunk, (reply) => {
        const events = eventsOrError(() => decoder(1).whole(reply))
        if (events) expectLawful(events)
      }),
      { numRuns },
    )
  })

  test('a stream that is cut before its finish throws', () => {
    fc.assert(
      fc.property(fc.array(rightChunk, { maxLength: 4 }), (chunks) => {
        const reader = decoder(1)
        for (const chunk of chunks) reader.chunk(chunk)
        expect(() => reader.end('cut')).toThrow('broke off')
      }),
    )
  })
})

/** The rest of the reasoning at the end may come under its other name. */
function textIn(delta: Record<string, string>, kind: string): string {
  return delta[kind] ?? (kind === 'reasoning' ? delta.reasoning_content : undefined) ?? ''
}

describe('split surrogates (reliability, item 28)', () => {
  const kinds = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const
  for (const kind of kinds)
    test(`any text split anywhere in ${kind} is joined to the same text, in whole characters`, () => {
      const smiles = fc.string({
        unit: fc.constantFrom('a', '😀', '\ud83d', '\ude00', '\u2028'),
        minLength: 1,
        maxLength: 8,
      })
      fc.assert(
        fc.property(smiles, fc.array(fc.nat(16), { maxLength: 5 }), (whole, cuts) => {
          const at = [0, ...cuts.map((cut) => cut % whole.length).sort((a, b) => a - b), whole.length]
          const pieces = at.slice(1).map((end, index) => whole.slice(at[index], end))
          const chunks = pieces.map((piece) => ({ choices: [{ index: 0, delta: { [kind]: piece } }] }))
          const events = decoded([...chunks, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }], 1)
          const texts = events.map((event) => ('text' in event ? event.text : ''))
          expect(texts.every((found) => found.isWellFormed())).toBe(true)
          expect(texts.join('')).toBe(whole.toWellFormed())
          const relayed = encoded(events).map((chunk) => JSON.stringify(chunk))
          expect(relayed.join('').includes('\\ud')).toBe(false)
          const sent = relayed.map((json) => textIn(JSON.parse(json).choices[0].delta, kind))
          expect(sent.join('')).toBe(whole.toWellFormed())
        }),
      )
    })
})
