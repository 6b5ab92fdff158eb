import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { thrownBy } from '../../../test/failure.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { Fold } from '../../flow/fold.ts'
import { maxCalls } from '../../wire/reply-limits.ts'
import { SseDecoder, sseEvent } from '../../wire/sse.ts'
import { MessageDecoder } from './decode-stream.ts'
import { dialect } from './dialect.ts'
import { encodeAnswer } from './encode-answer.ts'
import { encodeRequest } from './encode-request.ts'
import { MessageStream } from './encode-stream.ts'

// Law 6 between different dialects: the shape of Anthropic's Messages is decoded into our vocabulary and encoded again.

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')
const utf8 = new TextEncoder()

/** Writes a fixture as bytes of the wire. The name of an event is the type of its data. */
function bytesOf(name: string): Uint8Array {
  const frames = read(`${name}.frames.txt`).trimEnd().split('\n')
  return utf8.encode(frames.map((json) => sseEvent(JSON.parse(json).type, json)).join(''))
}

/** Decodes the bytes in pieces of this size. @returns the events, and the error at the end */
function decoded(bytes: Uint8Array, size = bytes.byteLength) {
  const [splitter, decoder] = [new SseDecoder(), new MessageDecoder()]
  const events: ChatEvent[] = []
  try {
    for (let at = 0; at < bytes.byteLength; at += size)
      for (const frame of splitter.push(bytes.subarray(at, at + size)) ?? [])
        events.push(...decoder.event(JSON.parse(frame.data)))
    events.push(...decoder.end())
    return { events }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, message: thrown.message } }
  }
}

describe('a stream of messages', () => {
  for (const name of names) {
    test(`reads ${name}`, () => {
      expect<unknown>(decoded(bytesOf(name))).toEqual(JSON.parse(read(`${name}.events.json`)))
    })

    test(`reads ${name} byte by byte`, () => {
      expect<unknown>(decoded(bytesOf(name), 1)).toEqual(JSON.parse(read(`${name}.events.json`)))
    })
  }
})

/** The blocks of a fixture's message, as they are sent back. */
function blocksOf(name: string): unknown[] {
  const blocks: Record<string, unknown>[] = []
  const texts: string[] = []
  for (const line of read(`${name}.frames.txt`).trimEnd().split('\n')) {
    const { type, index, content_block, delta } = JSON.parse(line)
    if (type === 'content_block_start') blocks[index] = content_block
    if (type !== 'content_block_delta') continue
    const block = blocks[index] ?? {}
    if (delta.type === 'text_delta') block.text += delta.text
    if (delta.type === 'thinking_delta') block.thinking += delta.thinking
    if (delta.type === 'signature_delta') block.signature += delta.signature
    if (delta.type === 'citations_delta')
      block.citations = [...(Array.isArray(block.citations) ? block.citations : []), delta.citation]
    if (delta.type === 'input_json_delta') texts[index] = (texts[index] ?? '') + delta.partial_json
  }
  return blocks.map((block, at) => (texts[at] ? { ...block, input: JSON.parse(texts[at]) } : block))
}

function folded(name: string): Fold {
  const fold = new Fold({ maxCharacters: 100_000 })
  for (const event of decoded(bytesOf(name)).events) fold.add(event)
  return fold
}

/** Blocks of an unknown type have no place in a folded answer. */
const whole = names.filter((name) => !['error', 'cut', 'nothing', 'unknown'].includes(name))

describe('the blocks of a message go back unchanged', () => {
  for (const name of whole)
    test(name, () => {
      const request = {
        dialect,
        model: 'claude-example',
        messages: [folded(name).message()],
        parameters: {},
        spelling: {},
        extra: {},
        stream: true,
      }
      expect(encodeRequest(request).messages).toEqual([{ role: 'assistant', content: blocksOf(name) }])
    })
})

const own = (fields: object) => ({ extra: { 'anthropic-messages': fields } })

test('thought, text, call, thought, text are five parts in this order, each thought with its own signature', () => {
  expect<unknown>(folded('thought-text-call-thought-text').parts()).toEqual([
    { type: 'reasoning', text: 'A clock is needed.', ...own({ signature: 'Rmlyc3Qtc2lnbmF0dXJl' }) },
    { type: 'text', text: 'I look at the clock.' },
    { type: 'tool-call', id: 'toolu_01EXAMPLE', name: 'builtin__current_time', arguments: '{"timezone":"UTC"}' },
    { type: 'reasoning', text: 'What comes next is clear.', ...own({ signature: 'U2Vjb25kLQ==c2lnbmF0dXJl' }) },
    { type: 'text', text: 'Then I answer.' },
  ])
})

test('the results of a turn come first in one user message, and failures are marked', () => {
  const text = (said: string) => [{ type: 'text', text: said }] as const
  const { messages, system } = encodeRequest({
    dialect,
    model: 'claude-example',
    messages: [
      { role: 'system', content: text('Be brief.') },
      { role: 'user', content: text('How late is it?') },
      {
        role: 'assistant',
        content: [
          {
            type: 'reasoning',
            text: 'Without a signature of this dialect.',
            extra: { 'openai-chat': { signature: 'no' } },
          },
          { type: 'tool-call', id: 'toolu_1', name: 'clock', arguments: '{}' },
          { type: 'tool-call', id: 'toolu_2', name: 'clock', arguments: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'toolu_1', content: text('12:00') },
      { role: 'tool', toolCallId: 'toolu_2', content: text('It is broken.'), isError: true },
      { role: 'user', content: text('Well?') },
    ],
    parameters: {},
    spelling: {},
    extra: {},
    stream: true,
  })
  expect(system).toEqual(text('Be brief.'))
  expect(messages).toEqual([
    { role: 'user', content: text('How late is it?') },
    {
      role: 'assistant',
      content: ['toolu_1', 'toolu_2'].map((id) => ({ type: 'tool_use', id, name: 'clock', input: {} })),
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_1', content: text('12:00') },
        { type: 'tool_result', tool_use_id: 'toolu_2', content: text('It is broken.'), is_error: true },
        ...text('Well?'),
      ],
    },
  ])
})

/** Decodes events, and writes them again for a client of this dialect. @returns the data of the written events */
function relayed(name: string): readonly Record<string, unknown>[] {
  const stream = new MessageStream({ id: 'r1', model: 'claude-example', inputTokens: 12 })
  const written = decoded(bytesOf(name)).events.map((event) => stream.event(event))
  const decoder = new SseDecoder()
  return (decoder.push(utf8.encode(written.join('') + stream.end())) ?? []).map(({ data }) => JSON.parse(data))
}

describe('a client of the same dialect, after a layer has changed the answer', () => {
  test('gets the calls of server tools, their results, the citations, and why the turn has stopped', () => {
    const events = relayed('server-tools')
    const starts = events.flatMap((event) => (event.type === 'content_block_start' ? [event.content_block] : []))
    expect(starts).toMatchObject([
      { type: 'server_tool_use', id: 'srvtoolu_01EXAMPLE', name: 'web_search', input: {} },
      { type: 'web_search_tool_result', content: [{ encrypted_content: 'RXhhbXBsZQ==' }] },
      { type: 'text' },
    ])
    const deltas = events.flatMap((event) => (event.type === 'content_block_delta' ? [event.delta] : []))
    expect(deltas).toMatchObject([
      { type: 'input_json_delta', partial_json: '{"query":"tides"}' },
      { type: 'text_delta' },
      { type: 'citations_delta', citation: { cited_text: 'pulls the sea', encrypted_index: 'RXhhbXBsZQ==' } },
    ])
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({
      delta: { stop_reason: 'pause_turn', container: { id: 'container_01EXAMPLE' } },
      usage: {
        input_tokens: 12,
        output_tokens: 30,
        server_tool_use: { web_search_requests: 1 },
        service_tier: 'standard',
      },
    })
  })

  test('gets the same in a whole answer', () => {
    const { choices, usage } = folded('server-tools')
    const answer = { choices: choices.map((choice) => ({ ...choice, finish: choice.finish ?? 'other' })), usage }
    expect(encodeAnswer(answer, { id: 'r1', model: 'claude-example' })).toMatchObject({
      content: [
        { type: 'server_tool_use', id: 'srvtoolu_01EXAMPLE', input: { query: 'tides' } },
        { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_01EXAMPLE' },
        { type: 'text', citations: [{ type: 'web_search_result_location' }] },
      ],
      stop_reason: 'pause_turn',
      container: { id: 'container_01EXAMPLE' },
      usage: { server_tool_use: { web_search_requests: 1 } },
    })
  })
})

test('a whole message has the same parts as its stream would have', () => {
  const reader = new MessageDecoder()
  const fold = new Fold({ maxCharacters: 100_000 })
  for (const event of [...reader.event(JSON.parse(read('whole.json'))), ...reader.end()]) fold.add(event)
  expect<unknown>(fold.parts()).toEqual([
    { type: 'reasoning', text: 'Short.', ...own({ signature: 'RXhhbXBsZS1zaWduYXR1cmUtMQ==' }) },
    { type: 'reasoning', text: '', ...own({ redacted: 'RXhhbXBsZS1kYXRhLTE=' }) },
    { type: 'text', text: 'It is late.' },
    { type: 'tool-call', id: 'toolu_01EXAMPLE', name: 'clock', arguments: '{"timezone":"UTC"}' },
  ])
  expect(fold.choices[0]?.finish).toBe('tool-calls')
  expect(fold.usage).toMatchObject({ inputTokens: 112, cachedInputTokens: 100, outputTokens: 7 })
})

describe('an error in a stream', () => {
  for (const [type, message, reason, code] of [
    ['overloaded_error', 'Overloaded', 'overloaded', 'upstream_overloaded'],
    ['rate_limit_error', 'Slower, please.', 'rate-limited', 'rate_limit_exceeded'],
    ['authentication_error', 'invalid x-api-key', 'account-refused', 'upstream_auth'],
    ['permission_error', 'not for you', 'account-refused', 'upstream_auth'],
    ['billing_error', 'no card', 'quota-exhausted', 'insufficient_quota'],
    ['not_found_error', 'model: claude-none', 'model-not-found', 'model_not_found'],
    ['timeout_error', 'It took too long.', 'timeout', 'upstream_timeout'],
    ['api_error', 'Internal server error', 'upstream-failed', 'upstream_error'],
    ['invalid_request_error', 'messages: no', 'invalid-request', 'invalid_request'],
    ['invalid_request_error', 'prompt is too long: 9 tokens > 8 maximum', 'invalid-request', 'context_length_exceeded'],
    ['invalid_request_error', 'Your credit balance is too low', 'quota-exhausted', 'insufficient_quota'],
  ] as const)
    test(`of the type ${type}, "${message}", is ${code}`, () => {
      const thrown = thrownBy(() => new MessageDecoder().event({ type: 'error', error: { type, message } }))
      expect(thrown).toMatchObject({ reason, code })
      expect(thrown?.message).toContain(message)
    })
})

test('a ping shows that the upstream works while it shows nothing, and only then', () => {
  const decoder = new MessageDecoder()
  const begin = (type: string) => decoder.event({ type: 'content_block_start', index: 0, content_block: { type } })
  const ping = () => decoder.event({ type: 'ping' })
  const progress: ChatEvent = { type: 'foreign', choice: 0, isShown: false }
  expect(ping()).toEqual([])
  begin('thinking')
  expect(ping()).toEqual([progress])
  begin('text')
  expect(ping()).toEqual([])
  begin('server_tool_use')
  decoder.event({ type: 'content_block_stop', index: 0 })
  expect(ping()).toEqual([progress])
})

test('a delta of a block that is not open, and more calls than a model makes, are refused', () => {
  const delta = { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'x' } }
  expect(thrownBy(() => new MessageDecoder().event(delta))).toMatchObject({ code: 'upstream_bad_response' })
  const reader = new MessageDecoder()
  const call = { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'a', name: 'b' } }
  const many = thrownBy(() => {
    for (let at = 0; at <= maxCalls; at++) reader.event(call)
  })
  expect(many).toMatchObject({ code: 'upstream_response_too_large' })
})
