import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { fold } from '../../flow/fold.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer } from './encode-answer.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'ours', model: 'up/m', created: 5, includeUsage: true }

type Choice = Readonly<Record<string, unknown>>

/** A chunk of one choice. */
const says = (delta: unknown, more: Choice = {}) => ({ choices: [{ index: 0, delta, finish_reason: null, ...more }] })
const ends = (finish_reason: unknown, delta: unknown = { content: '' }) => says(delta, { finish_reason })
const opens = says({ role: 'assistant', content: '' })
const counted = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }
const call = { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] }

/** Decodes a stream that its upstream has ended. */
function decoded(chunks: readonly unknown[], choices = 1): readonly ChatEvent[] {
  const decoder = new ReplyDecoder({ choices, newId: () => 'made' })
  return [...chunks.flatMap((chunk) => decoder.chunk(chunk)), ...decoder.end('terminated')]
}

const Delta = z.looseObject({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  tool_calls: z
    .array(z.looseObject({ index: z.int(), function: z.looseObject({ name: z.string().optional() }) }))
    .nullish(),
})
const Chunk = z.looseObject({
  created: z.int(),
  choices: z.array(z.looseObject({ index: z.int(), delta: Delta, finish_reason: z.string().nullable() })),
})

/** Reads a stream as a typed client does: the text and the ends of each answer. An end before more content is marked. */
function streamed(events: readonly ChatEvent[]): string[] {
  const encoder = new StreamEncoder(options)
  const text = events.map((event) => encoder.event(event)).join('') + encoder.end()
  const answers: string[] = []
  const lines = text.split('\n\n').filter((line) => line.startsWith('data: {'))
  for (const line of lines) {
    for (const { index, delta, finish_reason } of Chunk.parse(JSON.parse(line.slice(6))).choices) {
      const names = (delta.tool_calls ?? []).map((each) => (each.function.name ? `<${each.function.name}>` : ''))
      const said = `${delta.reasoning_content ? `(${delta.reasoning_content})` : ''}${delta.content ?? ''}${names.join('')}`
      answers[index] = `${answers[index] ?? ''}${said}${finish_reason ? ` [${finish_reason}]` : ''}`
    }
  }
  return answers
}

function stream(events: readonly ChatEvent[]): Flow {
  return readyFlow(...events.map((event) => [event]))
}

const Whole = z.looseObject({
  created: z.int(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        reasoning_content: z.string().nullish(),
        tool_calls: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).nullish(),
      }),
      finish_reason: z.string(),
    }),
  ),
})

/** Reads a whole answer as a typed client does. */
async function collected(events: readonly ChatEvent[]): Promise<string[]> {
  const whole = Whole.parse(JSON.parse(JSON.stringify(encodeAnswer(await fold(stream(events)), options))))
  return whole.choices.map(({ message, finish_reason }) => {
    const names = (message.tool_calls ?? []).map((each) => `<${each.function.name}>`).join('')
    const thought = message.reasoning_content ? `(${message.reasoning_content})` : ''
    return `${thought}${message.content ?? ''}${names} [${finish_reason}]`
  })
}

interface Case {
  readonly chunks: readonly unknown[]
  readonly answers: readonly string[]
}

const cases: Readonly<Record<string, Case>> = {
  'text after an end': {
    chunks: [says({ content: 'he' }), ends('stop'), says({ content: 'llo' })],
    answers: ['hello [stop]'],
  },
  'an end before any text': {
    chunks: [ends('stop', { role: 'assistant', content: '' }), says({ content: 'he' }), says({ content: 'llo' })],
    answers: ['hello [stop]'],
  },
  'an end before any text, and another after it': {
    chunks: [ends('stop'), says({ content: 'hello' }), ends('length')],
    answers: ['hello [length]'],
  },
  'an end with each text': {
    chunks: [ends('stop', { content: 'he' }), ends('stop', { content: 'l' }), ends('length', { content: 'lo' })],
    answers: ['hello [length]'],
  },
  'an end with the first text only': {
    chunks: [ends('stop', { content: 'he' }), says({ content: 'l' }), says({ content: 'lo' })],
    answers: ['hello [stop]'],
  },
  'calls after an end by stop': {
    chunks: [says({ content: 'hello' }), ends('stop'), says(call)],
    answers: ['hello<f> [tool_calls]'],
  },
  'calls after an end by stop, in pieces': {
    chunks: [
      opens,
      ends('stop'),
      says({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] }),
      says({ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }),
      says({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    ],
    answers: ['<f> [tool_calls]'],
  },
  'a call, its end, and then a text': {
    chunks: [says({ content: 'hel' }), says(call), ends('tool_calls'), says({ content: '' }), ends('tool_calls', call)],
    answers: ['hel<f><f> [tool_calls]'],
  },
  'reasoning after an end': {
    chunks: [ends('stop'), says({ reasoning_content: 'hm' }), ends('stop'), says({ content: 'hello' })],
    answers: ['(hm)hello [stop]'],
  },
  'an end, usage, and then a text': {
    chunks: [says({ content: 'he' }), ends('stop'), counted, says({ content: 'llo' })],
    answers: ['hello [stop]'],
  },
  'an end, a text with usage, and usage': {
    chunks: [says({ content: 'he' }), ends('stop'), { ...says({ content: 'llo' }), usage: counted.usage }, counted],
    answers: ['hello [stop]'],
  },
  'an end that comes twice': {
    chunks: [says({ content: 'hello' }), ends('stop'), ends('stop')],
    answers: ['hello [stop]'],
  },
  'an end and then stop: the first has the cause': {
    chunks: [says({ content: 'hello' }), ends('length'), ends('stop', {})],
    answers: ['hello [length]'],
  },
  'stop and then an end with the cause': {
    chunks: [says({ content: 'hello' }), ends('stop'), ends('content_filter')],
    answers: ['hello [content_filter]'],
  },
  'two answers, each with a text after its end': {
    chunks: [
      { choices: [{ index: 0, delta: { content: 'he' }, finish_reason: 'stop' }] },
      { choices: [{ index: 1, delta: { content: 'wo' }, finish_reason: 'stop' }] },
      { choices: [{ index: 0, delta: { content: 'llo' }, finish_reason: null }] },
      { choices: [{ index: 1, delta: { content: 'rld' }, finish_reason: 'length' }] },
    ],
    answers: ['hello [stop]', 'world [length]'],
  },
  'two answers in each chunk, with ends in all': {
    chunks: [
      {
        choices: [
          { index: 0, delta: { content: 'he' }, finish_reason: 'stop' },
          { index: 1, delta: { content: 'wo' }, finish_reason: null },
        ],
      },
      {
        choices: [
          { index: 0, delta: { content: 'llo' }, finish_reason: 'stop' },
          { index: 1, delta: { content: 'rld' }, finish_reason: 'length' },
        ],
        usage: counted.usage,
      },
    ],
    answers: ['hello [stop]', 'world [length]'],
  },
  'no end': { chunks: [says({ content: 'hello' })], answers: ['hello [stop]'] },
  ...Object.fromEntries(
    ['null', 'NULL', 'none', 'None', '', ' ', 'undefined', 'FINISH_REASON_UNSPECIFIED', 0, 1, false, true, {}, []].map(
      (word) => [
        `${JSON.stringify(word)} names no end`,
        {
          chunks: [
            ends(word, { role: 'assistant' }),
            ends(word, { content: 'he' }),
            ends(word, { content: 'llo' }),
            ends('length'),
          ],
          answers: ['hello [length]'],
        },
      ],
    ),
  ),
}

describe('the last finish reason before the end of the stream counts', () => {
  for (const [name, { chunks, answers }] of Object.entries(cases)) {
    const count = answers.length
    test(`${name}: streamed`, () => expect(streamed(decoded(chunks, count))).toEqual([...answers]))
    test(`${name}: collected`, async () => expect(await collected(decoded(chunks, count))).toEqual([...answers]))
    test(`${name}: one finish, followed only by usage`, () => {
      const events = decoded(chunks, count)
      for (const choice of Array.from({ length: count }).keys()) {
        const own = events.filter((event) => event.choice === choice && event.type !== 'usage')
        expect(own.filter(({ type }) => type === 'finish').length).toBe(1)
        expect(own.at(-1)?.type).toBe('finish')
      }
    })
  }

  test('usage after the end is relayed after it, and the newest counts', () => {
    const later = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 } }
    const events = decoded([
      says({ content: 'he' }),
      ends('stop'),
      counted,
      says({ content: 'llo' }),
      ends('stop'),
      later,
    ])
    const last = events.at(-1)
    expect(last?.type === 'usage' && last.usage.outputTokens).toBe(9)
  })

  test('a stream that goes on after an end and is cut is a failure', () => {
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'made' })
    for (const chunk of [says({ content: 'he' }), ends('stop'), says({ content: 'llo' })]) decoder.chunk(chunk)
    expect(decoder.finished).toBe(false)
    expect(() => decoder.end('cut')).toThrow('broke off')
  })

  test('content after a held end is relayed unchanged', () => {
    const chunks = [says({ content: 'hello' }, { x: 1 }), { ...ends('stop', {}), y: 2 }, { ...counted, z: 3 }]
    const natives = new Set(decoded(chunks).map(({ native }) => native?.value))
    expect([...natives]).toEqual(chunks)
  })
})

/** Returns the error of a stream of these chunks, if it fails. */
function failureOf(chunks: readonly unknown[]): ChatError | undefined {
  try {
    decoded(chunks)
    return undefined
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown
    throw thrown
  }
}

function wholeFailureOf(word: unknown, message: object = { role: 'assistant', content: null }): ChatError | undefined {
  try {
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'made' })
    decoder.whole({ choices: [{ index: 0, message, finish_reason: word }], usage: counted.usage })
    return undefined
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown
    throw thrown
  }
}

describe('an empty answer is a failure that may be retried', () => {
  const words = [
    'MALFORMED_FUNCTION_CALL',
    'function_call_filter: MALFORMED_FUNCTION_CALL',
    'malformed-function-call',
    'FinishReason.MALFORMED_FUNCTION_CALL',
    'UNEXPECTED_TOOL_CALL',
    'OTHER',
    'RECITATION',
    'content_filter: RECITATION',
    'LANGUAGE',
    'unknown',
    'error',
    'tool_calls',
    'load',
  ]
  for (const word of words) {
    test(`streamed, by ${word}`, () => expect(failureOf([opens, ends(word), counted])?.meaning.retry).toBe('any'))
    test(`whole, by ${word}`, () => expect(wholeFailureOf(word)?.meaning.retry).toBe('any'))
  }

  for (const logprobs of [{ content: [] }, { content: null, refusal: null }, { tokens: [], top_logprobs: null }])
    test(`also with ${JSON.stringify(logprobs)}`, () => {
      const chunks = [says({ role: 'assistant' }, { logprobs }), says({}, { logprobs, finish_reason: 'OTHER' })]
      expect(failureOf(chunks)?.meaning.retry).toBe('any')
    })

  for (const word of ['SAFETY', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'content_filter', 'IMAGE_SAFETY', 'length'])
    test(`but not by ${word}, which explains it`, () => {
      expect(failureOf([opens, ends(word)])).toBeUndefined()
      expect(wholeFailureOf(word)).toBeUndefined()
    })
})

describe('a part of an answer', () => {
  for (const word of ['MALFORMED_FUNCTION_CALL', 'malformed-function-call', 'error', 'abort', 'UNEXPECTED_TOOL_CALL'])
    test(`that ends by ${word} never looks whole`, () => {
      expect(failureOf([says({ content: 'hello' }), ends(word)])?.reason).toBe('upstream-failed')
      expect(failureOf([says({ content: 'hello' }), ends(word), ends('stop')])?.reason).toBe('upstream-failed')
      expect(wholeFailureOf(word, { role: 'assistant', content: 'hello' })?.reason).toBe('upstream-failed')
    })

  for (const word of ['RECITATION', 'SAFETY', 'content_filter: PROHIBITED_CONTENT'])
    test(`that ends by ${word} was filtered`, () => {
      expect(streamed(decoded([says({ content: 'hello' }), ends(word)]))).toEqual(['hello [content_filter]'])
    })
})
