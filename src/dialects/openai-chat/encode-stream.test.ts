import { describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { z } from 'zod'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Native } from '../../chat/event.ts'
import type { Annotation } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { fold } from '../../flow/fold.ts'
import { readSse } from '../../wire/sse.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer } from './encode-answer.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'chatcmpl-1', model: 'up/m', created: 1_700_000_000, includeUsage: true }

const Chunk = z.looseObject({
  choices: z.array(z.looseObject({ index: z.number(), delta: z.looseObject({}), finish_reason: z.string().nullish() })),
})

function encode(events: readonly ChatEvent[], changes: Partial<typeof options> = {}): string {
  const encoder = new StreamEncoder({ ...options, ...changes })
  return events.map((event) => encoder.event(event)).join('') + encoder.end()
}

async function* bytes(text: string) {
  yield new TextEncoder().encode(text)
}

/** Encodes events. @returns the chunks that a client gets, without `[DONE]` */
async function chunks(text: string) {
  const frames = await Array.fromAsync(readSse(bytes(text)))
  expect(frames.at(-1)).toEqual({ data: '[DONE]' })
  return frames.slice(0, -1).map(({ data }) => Chunk.parse(JSON.parse(data)))
}

function stream(events: readonly ChatEvent[]): Flow {
  return readyFlow(...events.map((event) => [event]))
}

const toolStream: readonly ChatEvent[] = [
  { type: 'reasoning', choice: 0, part: 0, text: 'Ask.' },
  { type: 'tool-call', choice: 0, part: 0, id: 'call_a', name: 'weather' },
  { type: 'tool-call', choice: 0, part: 1, id: 'call_b', name: 'weather' },
  { type: 'tool-arguments', choice: 0, part: 0, json: '{"city":' },
  { type: 'tool-arguments', choice: 0, part: 1, json: '{"city":"Rome"}' },
  { type: 'tool-arguments', choice: 0, part: 0, json: '"Oslo"}' },
  { type: 'finish', choice: 0, reason: 'tool-calls' },
  { type: 'usage', choice: 0, usage: { inputTokens: 3, outputTokens: 4, source: 'estimate' } },
]

const textStream: readonly ChatEvent[] = [
  { type: 'text', choice: 0, part: 0, text: '{"tea":' },
  { type: 'text', choice: 0, part: 0, text: '"green"}' },
  { type: 'finish', choice: 0, reason: 'stop' },
  { type: 'usage', choice: 0, usage: { inputTokens: 3, outputTokens: 4, source: 'estimate' } },
]

test('each part of a call’s signature is written once, though every event has the whole so far', async () => {
  const extra = (thought_signature: string, more: object = {}) => ({
    extra: { 'openai-chat': { extra_content: { google: { thought_signature } }, ...more } },
  })
  const events: ChatEvent[] = [
    { type: 'tool-call', choice: 0, part: 0, id: 'call_a', name: 'weather', ...extra('c2ln') },
    { type: 'tool-call', choice: 0, part: 1, id: 'call_b', name: 'weather' },
    { type: 'tool-arguments', choice: 0, part: 0, json: '{', ...extra('c2lnbmVk') },
    { type: 'tool-arguments', choice: 0, part: 1, json: '{}' },
    { type: 'tool-arguments', choice: 0, part: 0, json: '}', ...extra('c2lnbmVk', { function: { note: 'n' } }) },
    { type: 'part-end', choice: 0, part: 0, ...extra('c2lnbmVk', { function: { note: 'n' } }) },
    { type: 'part-end', choice: 0, part: 1, ...extra('bGF0ZQ==') },
    { type: 'finish', choice: 0, reason: 'tool-calls' },
  ]
  const written = (await chunks(encode(events))).flatMap(({ choices }) =>
    choices.flatMap(({ delta }) => delta.tool_calls),
  )
  const google = (thought_signature: string) => ({ extra_content: { google: { thought_signature } } })
  expect(written.filter((call) => call !== undefined)).toEqual([
    { index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' }, ...google('c2ln') },
    { index: 1, id: 'call_b', type: 'function', function: { name: 'weather', arguments: '' } },
    { index: 0, function: { arguments: '{' }, ...google('bmVk') },
    { index: 1, function: { arguments: '{}' } },
    { index: 0, function: { arguments: '}', note: 'n' } },
    { index: 1, function: { arguments: '' }, ...google('bGF0ZQ==') },
  ])
})

describe('events of another dialect', () => {
  test('the first delta of each choice has the role, the last the finish, and usage comes alone', async () => {
    const events: ChatEvent[] = [
      { type: 'text', choice: 1, part: 0, text: 'a' },
      { type: 'tool-call', choice: 0, part: 0, id: 'c', name: 'f' },
      { type: 'text', choice: 1, part: 0, text: 'b' },
      { type: 'finish', choice: 1, reason: 'other' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      { type: 'usage', choice: 0, usage: { inputTokens: 1, outputTokens: 2, reasoningTokens: 1, source: 'upstream' } },
    ]
    const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'up/m' }
    const call = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }
    const quiet = { ...head, usage: null }
    expect(await chunks(encode(events))).toEqual([
      { ...quiet, choices: [{ index: 1, delta: { role: 'assistant', content: 'a' }, finish_reason: null }] },
      {
        ...quiet,
        choices: [{ index: 0, delta: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: null }],
      },
      { ...quiet, choices: [{ index: 1, delta: { content: 'b' }, finish_reason: null }] },
      { ...quiet, choices: [{ index: 1, delta: {}, finish_reason: 'stop' }] },
      { ...quiet, choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      {
        ...head,
        choices: [],
        usage: {
          prompt_tokens: 1,
          completion_tokens: 2,
          total_tokens: 3,
          completion_tokens_details: { reasoning_tokens: 1 },
        },
      },
    ])
  })

  test('annotations become citations of a URL, or the form of another service', async () => {
    const annotations: Annotation[] = [
      { url: 'https://example.test', start: 0, end: 1 },
      { extra: { 'openai-chat': { type: 'file_citation', file_id: 'f' } } },
    ]
    const found = await chunks(encode([{ type: 'text', choice: 0, part: 0, text: 'a', annotations }]))
    expect(found[0]?.choices[0]?.delta.annotations).toEqual([
      { type: 'url_citation', url_citation: { url: 'https://example.test', start_index: 0, end_index: 1 } },
      { type: 'file_citation', file_id: 'f' },
    ])
  })

  test('reasoning leaves, and comes back, under its original name', async () => {
    const thoughts: ChatEvent[] = [
      { type: 'reasoning', choice: 0, part: 0, text: 'a' },
      { type: 'reasoning', choice: 0, part: 0, text: 'b', extra: { 'openai-chat': { field: 'reasoning' } } },
    ]
    const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }
    const written = await chunks(encode([...thoughts, finish]))
    expect(written[0]?.choices[0]?.delta).toMatchObject({ reasoning_content: 'a' })
    expect(written[1]?.choices[0]?.delta).toEqual({ reasoning: 'b' })
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'id' })
    const events = written.flatMap((chunk) => [...decoder.chunk(chunk)])
    expect(
      events.flatMap((event) => (event.type === 'reasoning' ? [{ text: event.text, extra: event.extra }] : [])),
    ).toEqual([
      { text: 'a', extra: undefined },
      { text: 'b', extra: { 'openai-chat': { field: 'reasoning' } } },
    ])
  })

  test('without include_usage no chunk has usage', () => {
    expect(encode(textStream, { includeUsage: false })).not.toContain('usage')
  })

  test('a failure is one event, without an end', () => {
    const encoder = new StreamEncoder(options)
    expect(encoder.error(new ChatError('timeout', { message: 'Too\nslow.' }))).toBe(
      'data: {"error":{"message":"Too\\nslow.","type":"upstream_error","param":null,"code":"upstream_timeout"}}\n\n',
    )
  })
})

describe('native chunks', () => {
  const native = (choices: readonly object[], more: object = {}): Native => ({
    dialect: 'openai-chat',
    form: 'chunk',
    value: { id: 'theirs', object: 'x', created: 1_760_000_000, model: 'm', choices, ...more },
  })

  test('two chunks whose events come in turns are relayed once each', async () => {
    const delta = { role: 'assistant', content: 'a', reasoning: 'b' }
    const [left, right] = [native([{ index: 0, delta }]), native([{ index: 0, delta }])]
    const events: ChatEvent[] = [
      { type: 'reasoning', choice: 0, part: 0, text: 'b', native: left },
      { type: 'reasoning', choice: 1, part: 0, text: 'b', native: right },
      { type: 'text', choice: 0, part: 0, text: 'a', native: left },
      { type: 'text', choice: 1, part: 0, text: 'a', native: right },
    ]
    const found = await chunks(encode(events))
    expect(found.flatMap(({ choices }) => choices)).toEqual([
      { index: 0, delta },
      { index: 1, delta },
    ])
  })

  test('a missing role is added once', async () => {
    const pieces = ['a', 'b'].map((text): ChatEvent => {
      return {
        type: 'text',
        choice: 0,
        part: 0,
        text,
        native: native([{ index: 0, delta: { role: null, content: text } }]),
      }
    })
    const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }
    const found = await chunks(encode([...pieces, finish]))
    expect(found.flatMap(({ choices }) => choices.map(({ delta }) => delta))).toEqual([
      { role: 'assistant', content: 'a' },
      { role: null, content: 'b' },
      {},
    ])
  })

  test('a missing list of choices is added to every chunk', async () => {
    const value = { created: 7, own: 1, choices: null }
    const counted = {
      source: 'upstream',
      native: { dialect: 'openai-chat', form: 'whole', value: { total_tokens: 1 } },
    } as const
    const aside = { dialect: 'openai-chat', form: 'chunk', value } as const
    const last = { ...aside, value: { ...value, usage: counted.native.value } }
    const found = await chunks(
      encode([
        { type: 'text', choice: 0, part: 0, text: '', native: aside },
        { type: 'usage', choice: 0, usage: counted, native: last },
      ]),
    )
    const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'up/m', own: 1, choices: [] }
    expect(found).toEqual([
      { ...head, usage: null },
      { ...head, usage: { total_tokens: 1 } },
    ])
  })

  test('a whole reply becomes a chunk, even if its JSON is known', async () => {
    const message = { role: 'assistant', content: 'Tea' }
    const value = { object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] }
    const whole = { dialect: 'openai-chat', form: 'whole', value, json: JSON.stringify(value), isShared: true } as const
    const events: ChatEvent[] = [...new PartWriter(0).text('Tea'), { type: 'finish', choice: 0, reason: 'stop' }]
    const found = await chunks(encode(events.map((event) => ({ ...event, native: whole }))))
    expect(found.map(({ object, choices }) => ({ object, choices }))).toEqual([
      { object: 'chat.completion.chunk', choices: [{ index: 0, delta: message, finish_reason: 'stop' }] },
    ])
  })

  test("the stream has the upstream's time, unless that is Azure's zero", async () => {
    const events = [0, 1_760_000_000, 1_760_000_009].map((created): ChatEvent => {
      return { type: 'text', choice: 0, part: 0, text: '', native: native([], { created }) }
    })
    expect((await chunks(encode(events))).map(({ created }) => created)).toEqual([
      1_700_000_000, 1_760_000_000, 1_760_000_000,
    ])
  })

  test('the time does not change after the first chunk, although another answer has a different time', async () => {
    const choices = [{ index: 1, delta: { role: 'assistant', content: 'b' }, finish_reason: null }]
    const events: ChatEvent[] = [
      { type: 'text', choice: 0, part: 0, text: 'a' },
      { type: 'text', choice: 1, part: 0, text: 'b', native: native(choices) },
      { type: 'text', choice: 0, part: 0, text: 'c' },
    ]
    expect(new Set((await chunks(encode(events))).map(({ created }) => created))).toEqual(new Set([1_700_000_000]))
  })

  test('a whole completion becomes a chunk with the same content', async () => {
    const message = {
      role: 'assistant',
      content: null,
      audio: { id: 'a', data: 'AA==' },
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' }, own: 1 }],
    }
    const reply = {
      created: 5,
      own: 2,
      choices: [{ index: 0, message, logprobs: null, finish_reason: 'tool_calls', own: 3 }],
    }
    const found = await chunks(encode(new ReplyDecoder({ choices: 1, newId: () => 'made' }).whole(reply)))
    const delta = { ...message, tool_calls: [{ index: 0, ...message.tool_calls[0] }] }
    expect(found).toEqual([
      {
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'up/m',
        own: 2,
        usage: null,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: 'tool_calls', own: 3 }],
      },
    ])
  })
})

describe('a text cannot inject events into the stream (reliability, item 27)', () => {
  const texts = [
    'a\n\ndata: [DONE]\n\n',
    'a\r\n\r\ndata: {"error":{}}\r\n\r\n',
    '\rdata: [DONE]\r\r',
    '\nevent: error\ndata: x',
    '\u2028data: [DONE]\u2029',
    'a\u0000b\ufeff',
    ': comment\n\n',
    '</script><img onerror=1>',
  ]
  for (const text of texts)
    test(`${JSON.stringify(text)} is one event with that text`, async () => {
      const events: ChatEvent[] = [
        { type: 'text', choice: 0, part: 0, text },
        { type: 'tool-call', choice: 0, part: 0, id: text, name: text },
        { type: 'finish', choice: 0, reason: 'stop' },
      ]
      const found = await chunks(encode(events, { model: text, id: text }))
      expect(found.map(({ model, id }) => [model, id])).toEqual([text, text, text].map((each) => [each, each]))
      expect(found[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: text })
      expect(found[1]?.choices[0]?.delta).toEqual({
        tool_calls: [{ index: 0, id: text, type: 'function', function: { name: text, arguments: '' } }],
      })
    })
})

/** The official client, which reads our stream. */
function client(...replies: readonly (string | object)[]): OpenAI {
  const left = [...replies]
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'http://127.0.0.1:1/v1',
    maxRetries: 0,
    fetch: async () => {
      const reply = left.shift()
      const isStream = typeof reply === 'string'
      return new Response(isStream ? reply : JSON.stringify(reply), {
        headers: { 'content-type': isStream ? 'text/event-stream' : 'application/json' },
      })
    },
  })
}

const asked = { model: 'up/m', messages: [{ role: 'user' as const, content: 'Tea?' }] }
const weather = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'Weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    parse: (json: string) => z.object({ city: z.string() }).parse(JSON.parse(json)),
    function: ({ city }: { city: string }) => `Rain in ${city}.`,
  },
}

describe('the official SDK', () => {
  test('joins a stream into a completion', async () => {
    const runner = client(encode(toolStream)).chat.completions.stream({
      ...asked,
      stream_options: { include_usage: true },
    })
    const { choices, usage } = await runner.finalChatCompletion()
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    expect(choices[0]?.message.role).toBe('assistant')
    expect(choices[0]?.message.tool_calls).toMatchObject([
      { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      { id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
    ])
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, estimated: true })
  })

  test('runs tools, streamed', async () => {
    const runner = client(encode(toolStream), encode(textStream)).chat.completions.runTools({
      ...asked,
      stream: true,
      tools: [weather],
    })
    expect(await runner.finalContent()).toBe('{"tea":"green"}')
    expect(runner.messages.filter(({ role }) => role === 'tool')).toMatchObject([
      { tool_call_id: 'call_a', content: 'Rain in Oslo.' },
      { tool_call_id: 'call_b', content: 'Rain in Rome.' },
    ])
  })

  test('runs tools, whole', async () => {
    const answers = await Promise.all([toolStream, textStream].map((events) => fold(stream(events))))
    const replies = answers.map((answer) => encodeAnswer(answer, options))
    const runner = client(...replies).chat.completions.runTools({ ...asked, tools: [weather] })
    expect(await runner.finalContent()).toBe('{"tea":"green"}')
  })

  test('parses a structured answer, whole and streamed', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'tea', strict: true, schema: { type: 'object' } },
    }
    const whole = client(encodeAnswer(await fold(stream(textStream)), options))
    const { choices } = await whole.chat.completions.parse({ ...asked, response_format })
    expect(choices[0]?.message.parsed).toEqual({ tea: 'green' })
    const streamed = client(encode(textStream)).chat.completions.stream({ ...asked, response_format })
    expect((await streamed.finalChatCompletion()).choices[0]?.message.content).toBe('{"tea":"green"}')
  })

  test('runs the calls of an upstream that repeats id, type and name in every delta, or sends null for them', async () => {
    const delta = (call: object) => ({ choices: [{ index: 0, delta: { tool_calls: [call] } }] })
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'made' })
    const events = [
      delta({ index: 0, id: 'a', function: { name: 'weather', arguments: '' } }),
      delta({ index: 0, id: 'a', type: null, function: { name: 'weather', arguments: '{"city":' } }),
      delta({ index: 0, id: null, type: null, function: { name: null, arguments: '"Oslo"}' } }),
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ].flatMap((chunk) => [...decoder.chunk(chunk)])
    const runner = client(
      encode([...events, ...decoder.end('terminated')]),
      encode(textStream),
    ).chat.completions.runTools({
      ...asked,
      stream: true,
      tools: [weather],
    })
    expect(await runner.finalContent()).toBe('{"tea":"green"}')
    expect(runner.messages.find(({ role }) => role === 'tool')).toMatchObject({ content: 'Rain in Oslo.' })
  })

  test('throws on a failure in the stream', async () => {
    const encoder = new StreamEncoder(options)
    const text =
      encoder.event({ type: 'text', choice: 0, part: 0, text: 'a' }) +
      encoder.error(new ChatError('timeout', { message: 'Slow.' }))
    const runner = client(text).chat.completions.stream(asked)
    await expect(runner.finalChatCompletion()).rejects.toThrow('Slow.')
  })
})
