import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { anyAnswer } from '../../../test/any-answer.ts'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { Fold } from '../../flow/fold.ts'
import { SseDecoder, type SseFrame } from '../../wire/sse.ts'
import { encodeAnswer } from './encode-answer.ts'
import { MessageStream } from './encode-stream.ts'

const head = { id: 'r1', model: 'some/model' }
const signed = (signature: string) => ({ extra: { 'anthropic-messages': { signature } } })
const redacted = (data: string) => ({ extra: { 'anthropic-messages': { redacted: data } } })

/** Writes a whole stream, and reads it as a strict client does. */
function streamed(events: readonly ChatEvent[]) {
  const stream = new MessageStream({ ...head, inputTokens: 3 })
  return readStrictly(framesOf(events.map((event) => stream.event(event)).join('') + stream.end()))
}

function framesOf(text: string): readonly SseFrame[] {
  const decoder = new SseDecoder()
  return [...(decoder.push(Buffer.from(text)) ?? []), ...(decoder.end() ?? [])]
}

const deltaOf: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  redacted_thinking: [],
}

/** Applies the order rules of Anthropic's stream, which its clients rely on. @throws at the first broken one */
function readStrictly(frames: readonly SseFrame[]) {
  const blocks: Record<string, unknown>[] = []
  let open: Record<string, unknown> | undefined
  let phase: 'before' | 'blocks' | 'ended' | 'over' = 'before'
  let message: Fields = {}
  let stop: Fields = {}
  const demand = (isSo: boolean, rule: string) => {
    if (!isSo) throw new Error(rule)
  }
  for (const { event, data } of frames) {
    const value = JSON.parse(data)
    demand(event === value.type, 'an event has the name of its type')
    if (event === 'ping') continue
    demand(phase !== 'over', 'nothing follows message_stop')
    if (event === 'message_start') {
      demand(phase === 'before', 'a stream has one message_start, and begins with it')
      message = value.message
      demand(hasCounts(value.message.usage), 'a stream begins with numbers of tokens')
      phase = 'blocks'
    } else if (event === 'content_block_start') {
      demand(phase === 'blocks' && !open && value.index === blocks.length, 'blocks are numbered, and do not overlap')
      open = { ...value.content_block, ...(value.content_block.type === 'tool_use' && { input: '' }) }
      blocks.push(open ?? {})
    } else if (event === 'content_block_delta') {
      const kinds = deltaOf[String(open?.type)] ?? []
      demand(value.index === blocks.length - 1 && kinds.includes(value.delta.type), 'a delta fits the open block')
      demand(open?.signature === '' || open?.type !== 'thinking', 'a signature is the last delta')
      grow(open ?? {}, value.delta)
    } else if (event === 'content_block_stop') {
      demand(open !== undefined && value.index === blocks.length - 1, 'a stop ends the open block')
      open = undefined
    } else if (event === 'message_delta') {
      demand(phase === 'blocks' && !open, 'the message ends when its blocks have ended')
      stop = { ...value.delta, usage: value.usage }
      demand(hasCounts(value.usage), 'the last numbers replace those of the beginning, so all of them are there')
      phase = 'ended'
    } else {
      demand(event === 'message_stop' && phase === 'ended', 'message_stop is the last event')
      phase = 'over'
    }
  }
  demand(phase === 'over', 'the stream is complete')
  const content = blocks.map((block) => (block.type === 'tool_use' ? { ...block, input: inputOf(block.input) } : block))
  return { message, content, stop }
}

/** Clients show nothing, or fail, without these two. */
const hasCounts = ({ input_tokens, output_tokens }: Fields) =>
  Number.isInteger(input_tokens) && Number.isInteger(output_tokens)

function grow(block: Record<string, unknown>, delta: Record<string, string>): void {
  const add = (name: string, text = '') => {
    block[name] = String(block[name]) + text
  }
  if (delta.type === 'text_delta') add('text', delta.text)
  if (delta.type === 'thinking_delta') add('thinking', delta.thinking)
  if (delta.type === 'signature_delta') add('signature', delta.signature)
  if (delta.type === 'input_json_delta') add('input', delta.partial_json)
}

const inputOf = (json: unknown) => JSON.parse(json === '' ? '{}' : String(json))

/** The content of the same answer when it is sent whole. */
function whole(events: readonly ChatEvent[]) {
  const fold = new Fold({ maxCharacters: 1_000_000 })
  for (const event of events) fold.add(event)
  const choices = fold.choices.map((choice) => ({ ...choice, finish: choice.finish ?? ('other' as const) }))
  return encodeAnswer({ choices, usage: fold.usage }, head)
}

/** Only a whole message says that a text has no citations. */
const withCitations = (block: Fields) => (block.type === 'text' ? { ...block, citations: null } : block)

const answers = anyAnswer(
  (signature) => signed(signature).extra,
  (data) => redacted(data).extra,
)

/** The ends of an answer. An answer that was cut short or filtered must not look complete. */
const words = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
} as const
const reasons = fc.constantFrom('stop', 'length', 'tool-calls', 'content-filter')
const counts = fc.option(fc.record({ inputTokens: fc.nat(99), outputTokens: fc.nat(99) }, { requiredKeys: [] }))

test('any answer keeps the order rules, and says the same as a stream and whole', () => {
  fc.assert(
    fc.property(answers, reasons, counts, (answer, reason, counted) => {
      const ended = answer.map((event) => (event.type === 'finish' ? { ...event, reason } : event))
      const usage: ChatEvent = { type: 'usage', choice: 0, usage: { ...counted, source: 'upstream' } }
      const events = counted ? [...ended, usage] : ended
      const { content, stop } = streamed(events)
      const expected = whole(events)
      expect<unknown>(content.map(withCitations)).toEqual(expected.content)
      expect(stop.stop_reason).toBe(expected.stop_reason)
      const isRefused = reason === 'stop' && answer.some(({ type }) => type === 'refusal')
      expect(stop.stop_reason).toBe(isRefused ? 'refusal' : words[reason])
    }),
    { numRuns: runs(300) },
  )
})

test('an answer that fails anywhere keeps the order rules, and has no end', () => {
  const error = new ChatError('overloaded', { message: 'Too many requests at once.' })
  fc.assert(
    fc.property(answers, fc.nat(20), (answer, length) => {
      const stream = new MessageStream({ ...head, inputTokens: 3 })
      const begun = answer.slice(0, Math.min(length, answer.length - 1))
      const frames = framesOf(begun.map((event) => stream.event(event)).join('') + stream.error(error))
      expect(frames.at(-1)?.event).toBe('error')
      expect(() => readStrictly(frames.slice(0, -1))).toThrow('the stream is complete')
    }),
    { numRuns: runs(300) },
  )
})

test('arguments that are no JSON reach the client as they are, who tells the model', () => {
  const called: readonly ChatEvent[] = [
    { type: 'tool-call', choice: 0, part: 0, id: 'toolu_1', name: 'f' },
    { type: 'tool-arguments', choice: 0, part: 0, json: '{"a": ' },
    { type: 'part-end', choice: 0, part: 0 },
    { type: 'finish', choice: 0, reason: 'tool-calls' },
  ]
  const stream = new MessageStream({ ...head, inputTokens: 3 })
  expect(called.map((event) => stream.event(event)).join('')).toContain(JSON.stringify('{"a": '))
  expect(whole(called).content).toEqual([
    { type: 'tool_use', id: 'toolu_1', name: 'f', input: { __unparsedToolInput: { raw: '{"a": ', len: 6 } } },
  ])
})

describe('a stream', () => {
  const text = (words: string, part = 0): ChatEvent => ({ type: 'text', choice: 0, part, text: words })
  const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }

  test('begins with an estimate, and ends with the true usage, without what a cache had', () => {
    const usage = {
      inputTokens: 100,
      cachedInputTokens: 60,
      cacheWriteTokens: 10,
      outputTokens: 7,
      source: 'upstream',
    } as const
    const { message, stop } = streamed([text('hi'), finish, { type: 'usage', choice: 0, usage }])
    expect(message).toMatchObject({ id: 'msg_r1', model: 'some/model', content: [], usage: { input_tokens: 3 } })
    expect(stop.usage).toEqual({
      input_tokens: 30,
      cache_creation_input_tokens: 10,
      cache_read_input_tokens: 60,
      output_tokens: 7,
    })
  })

  test('names the stop sequence, and a refusal', () => {
    expect(streamed([text('hi'), { ...finish, stopSequence: 'END' }]).stop).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    })
    const refused: ChatEvent = { type: 'refusal', choice: 0, part: 0, text: 'no' }
    expect(streamed([refused, finish]).stop.stop_reason).toBe('refusal')
  })

  test('has only the first choice', () => {
    expect(streamed([text('one'), { ...text('two'), choice: 1 }, finish]).content).toEqual([
      { type: 'text', text: 'one' },
    ])
  })

  test('that failed has an error in place of its end', () => {
    const stream = new MessageStream({ ...head, inputTokens: 3 })
    const error = new ChatError('overloaded', { message: 'Too many requests at once.' })
    const frames = framesOf(stream.event(text('hi')) + stream.error(error))
    expect(frames.at(-1)?.event).toBe('error')
    expect(JSON.parse(frames.at(-1)?.data ?? '')).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Too many requests at once.' },
      request_id: 'req_r1',
    })
    expect(() => readStrictly(frames.slice(0, -1))).toThrow('complete')
  })

  test('shows that it is alive by an event', () => {
    const [ping] = framesOf(new MessageStream({ ...head, inputTokens: 0 }).keepAlive)
    expect(ping).toEqual({ event: 'ping', data: '{"type":"ping"}' })
  })
})
