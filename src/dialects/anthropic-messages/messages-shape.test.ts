import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { Fold } from '../../flow/fold.ts'
import { SseDecoder, sseEvent } from '../../wire/sse.ts'
import { MessagesDecoder } from './decode-frames.double.ts'
import { encodeMessagesRequest } from './encode-request.double.ts'

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
  const [splitter, decoder] = [new SseDecoder(), new MessagesDecoder()]
  const events: ChatEvent[] = []
  try {
    for (let at = 0; at < bytes.byteLength; at += size)
      for (const frame of splitter.push(bytes.subarray(at, at + size)) ?? []) events.push(...decoder.frame(frame))
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
    if (delta.type === 'input_json_delta') texts[index] = (texts[index] ?? '') + delta.partial_json
  }
  return blocks.map((block, at) => (texts[at] ? { ...block, input: JSON.parse(texts[at]) } : block))
}

function folded(name: string): Fold {
  const fold = new Fold({ maxCharacters: 100_000 })
  for (const event of decoded(bytesOf(name)).events) fold.add(event)
  return fold
}

const whole = names.filter((name) => !['error', 'cut'].includes(name))

describe('the blocks of a message go back unchanged', () => {
  for (const name of whole)
    test(name, () => {
      const request = {
        dialect: 'openai-chat',
        model: 'claude-example',
        messages: [folded(name).message()],
        parameters: {},
        spelling: {},
        extra: {},
        stream: true,
      }
      expect(encodeMessagesRequest(request).messages).toEqual([{ role: 'assistant', content: blocksOf(name) }])
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
  const { messages, system } = encodeMessagesRequest({
    dialect: 'openai-chat',
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
