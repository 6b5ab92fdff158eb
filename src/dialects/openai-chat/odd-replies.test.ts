import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { type Part, textOf } from '../../chat/message.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import type { Flow } from '../../flow/flow.ts'
import { type Answer, fold } from '../../flow/fold.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer } from './encode-answer.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'ours', model: 'up/m', created: 5, includeUsage: true }
const decoder = (choices = 1) => new ReplyDecoder({ choices, newId: () => 'made' })

function stream(events: readonly ChatEvent[]): Flow {
  return readyFlow(...events.map((event) => [event]))
}

const callsIn = (parts: readonly Part[]) => parts.filter((part) => part.type === 'tool-call')

/** One answer, as text and calls. */
function textAndCalls({ choices }: Answer): string {
  return choices
    .map(
      ({ parts }) =>
        textOf(parts) +
        callsIn(parts)
          .map((each) => `<${each.name} ${each.arguments}>`)
          .join(''),
    )
    .join('|')
}

const readStream = async (chunks: readonly unknown[], choices = 1) => {
  const reader = decoder(choices)
  return fold(stream([...chunks.flatMap((chunk) => reader.chunk(chunk)), ...reader.end('terminated')]))
}
const readWhole = async (reply: unknown) => fold(stream(decoder().whole(reply)))

/** Returns the text that a client reads from the chunks or from the whole reply. */
function chunksFor(chunks: readonly unknown[]): readonly { readonly [name: string]: unknown }[] {
  const [reader, encoder] = [decoder(), new StreamEncoder(options)]
  const events = [...chunks.flatMap((chunk) => reader.chunk(chunk)), ...reader.end('terminated')]
  const lines = (events.map((event) => encoder.event(event)).join('') + encoder.end()).split('\n\n')
  return lines.filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)))
}
/** Reads chunks with their JSON, as they come from a socket. */
function relayedFor(chunks: readonly unknown[]): ReturnType<typeof chunksFor> {
  const [reader, encoder] = [decoder(), new StreamEncoder({ ...options, includeUsage: false })]
  const events = chunks.flatMap((chunk) => reader.chunk(chunk, JSON.stringify(chunk)))
  const lines = [...events, ...reader.end('terminated')].map((event) => String(encoder.event(event)).trim())
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line.slice(6)))
}
const wholeFor = async (reply: unknown) => JSON.parse(JSON.stringify(encodeAnswer(await readWhole(reply), options)))

const oddities: readonly unknown[] = [null, '', 'odd', 0, 7, -1, 1.5, true, false, {}, { odd: 1 }, [], ['odd'], [null]]
const tea = { choices: [{ index: 0, delta: { content: 'Tea' }, finish_reason: null }] }
const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }

describe('a member of any type does not spoil a good answer', () => {
  const inDelta = [
    'role',
    'refusal',
    'reasoning_content',
    'reasoning',
    'annotations',
    'tool_calls',
    'function_call',
    'own',
  ]
  const inChoice = ['index', 'finish_reason', 'logprobs', 'usage', 'message', 'native_finish_reason', 'own']
  const inReply = ['id', 'object', 'created', 'model', 'usage', 'system_fingerprint', 'service_tier', 'x_groq', 'own']
  // a text would become part of the answer
  const isWord = (name: string, odd: unknown) => odd === 'odd' && (name === 'refusal' || name === 'reasoning_content')
  // these values mean that there was no answer
  const isError = (name: string, odd: unknown) => name === 'object' && odd === 'error'

  for (const odd of oddities) {
    const shown = JSON.stringify(odd)
    for (const name of inDelta) {
      if (isWord(name, odd)) continue
      test(`streamed: delta.${name} ${shown}`, async () => {
        const chunk = { choices: [{ index: 0, delta: { content: 'Tea', [name]: odd }, finish_reason: null }] }
        expect(textAndCalls(await readStream([chunk, stop]))).toBe('Tea')
      })
      test(`whole: message.${name} ${shown}`, async () => {
        const message = { role: 'assistant', content: 'Tea', [name]: odd }
        expect(textAndCalls(await readWhole({ choices: [{ index: 0, message, finish_reason: 'stop' }] }))).toBe('Tea')
      })
    }
    for (const name of inChoice) {
      // an index may belong to another answer
      if (name === 'index' && odd === 7) continue
      test(`streamed: choices[0].${name} ${shown}`, async () => {
        const { choices } = tea
        const answer = await readStream([tea, { choices: [{ ...choices[0], [name]: odd }] }, tea, stop])
        expect(textAndCalls(answer)).toBe('TeaTeaTea')
      })
      test(`whole: choices[0].${name} ${shown}`, async () => {
        const choice = { index: 0, message: { role: 'assistant', content: 'Tea' }, finish_reason: 'stop', [name]: odd }
        const reply = { choices: [name === 'message' ? { ...choice, delta: { content: 'Tea' } } : choice] }
        // an object or a text would be the message
        if (name === 'message' && shown === '{"odd":1}') return
        expect(textAndCalls(await readWhole(reply))).toBe(name === 'message' && odd === 'odd' ? 'odd' : 'Tea')
      })
    }
    for (const name of inReply) {
      if (isError(name, odd)) continue
      test(`streamed: ${name} ${shown}`, async () => {
        expect(textAndCalls(await readStream([{ ...tea, [name]: odd }, stop]))).toBe('Tea')
      })
      test(`whole: ${name} ${shown}`, async () => {
        const reply = { choices: [{ index: 0, message: { role: 'assistant', content: 'Tea' }, finish_reason: 'stop' }] }
        expect(textAndCalls(await readWhole({ ...reply, [name]: odd }))).toBe('Tea')
      })
    }
    test(`an empty delta may be ${shown}`, async () => {
      const extra = odd === 'odd' ? 'odd' : ''
      expect(textAndCalls(await readStream([tea, { choices: [{ index: 0, delta: odd }] }, stop]))).toBe(`Tea${extra}`)
    })
  }

  for (const choices of [null, '', {}, false, undefined])
    test(`a chunk with the choices ${JSON.stringify(choices)} has no content`, async () => {
      expect(textAndCalls(await readStream([tea, { choices }, tea, stop]))).toBe('TeaTea')
    })

  for (const error of [null, '', {}, [], false, 0])
    test(`the value ${JSON.stringify(error)} for error is not an error`, async () => {
      expect(textAndCalls(await readStream([{ ...tea, error }, { choices: [{ ...stop.choices[0], error }] }]))).toBe(
        'Tea',
      )
    })
})

describe('content of another type is understood', () => {
  const contents: readonly (readonly [unknown, string])[] = [
    [
      [
        { type: 'text', text: 'Te' },
        { type: 'text', text: 'a' },
      ],
      'Tea',
    ],
    [[{ type: 'output_text', text: 'Tea' }], 'Tea'],
    [[{ text: 'Tea' }], 'Tea'],
    [['Te', 'a'], 'Tea'],
    [{ type: 'text', text: 'Tea' }, 'Tea'],
    [{ city: 'Oslo' }, '{"city":"Oslo"}'],
    [42, '42'],
  ]
  for (const [content, text] of contents) {
    test(`${JSON.stringify(content)}, whole, also as the client gets it`, async () => {
      const reply = { choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }
      expect(textAndCalls(await readWhole(reply))).toBe(text)
      expect((await wholeFor(reply)).choices[0].message.content).toBe(text)
    })
    test(`${JSON.stringify(content)}, in a chunk`, async () => {
      const chunk = { choices: [{ index: 0, delta: { content }, finish_reason: null }] }
      expect(textAndCalls(await readStream([chunk, stop]))).toBe(text)
      expect(chunksFor([chunk, stop])[0]).toMatchObject({ choices: [{ delta: { role: 'assistant', content: text } }] })
    })
  }
})

describe('calls of another shape are understood', () => {
  const { id, function: called } = call
  const shapes: readonly (readonly [string, unknown, string])[] = [
    ['arguments that are an object', [{ id, function: { name: 'f', arguments: { a: 1 } } }], '<f {"a":1}>'],
    ['an index as text', [{ ...call, index: '0' }], '<f {}>'],
    ['an index of another type', [{ ...call, index: {} }], '<f {}>'],
    ['an id of another type', [{ ...call, id: {} }], '<f {}>'],
    ['a number for an id', [{ ...call, id: 5 }], '<f {}>'],
    ['a type of another type', [{ ...call, type: 5 }], '<f {}>'],
    ['a call without its list', call, '<f {}>'],
    ['calls in an object with their places', { '0': call }, '<f {}>'],
    ['a call without the object in it', [{ id, name: 'f', arguments: { a: 1 } }], '<f {"a":1}>'],
    ['invalid entries next to a call', [null, 'x', [], 5, call], '<f {}>'],
    ['an empty call next to a call', [{}, call], '<f {}>'],
    ['no custom tool', [{ id, function: called, custom: null }], '<f {}>'],
    ['a custom tool of another type', [{ id, function: called, custom: 'x' }], '<f {}>'],
    ['an empty object of calls', {}, ''],
    ['an empty text for calls', '', ''],
    ['a function that is null', [{ index: 0, function: null }], ''],
    ['a function that is a text', [{ index: 0, function: 'f' }], ''],
  ]
  for (const [name, tool_calls, calls] of shapes) {
    test(`${name}, whole`, async () => {
      const message = { role: 'assistant', content: 'Tea', tool_calls }
      const reply = { choices: [{ index: 0, message, finish_reason: 'stop' }] }
      expect(textAndCalls(await readWhole(reply))).toBe(`Tea${calls}`)
      const { message: relayed } = (await wholeFor(reply)).choices[0]
      if (calls === '') expect(relayed).not.toHaveProperty('tool_calls')
      else
        expect(relayed.tool_calls).toMatchObject([
          { id: expect.any(String), type: 'function', function: { name: 'f' } },
        ])
    })
    test(`${name}, in a chunk`, async () => {
      const chunk = { choices: [{ index: 0, delta: { content: 'Tea', tool_calls }, finish_reason: null }] }
      expect(textAndCalls(await readStream([chunk, stop]))).toBe(`Tea${calls}`)
    })
  }
})

describe('members that typed clients need', () => {
  const reply = (message: object, more: object = {}) => ({ ...more, choices: [{ message, finish_reason: 'stop' }] })

  for (const created of [1.5e9 + 0.25, '1500000000', null, -3, 'now', {}, undefined])
    test(`a whole number for the time ${JSON.stringify(created)}`, async () => {
      const whole = await wholeFor(reply({ content: 'Tea' }, { created }))
      expect(Number.isInteger(whole.created) && whole.created > 0).toBe(true)
      for (const chunk of chunksFor([{ ...tea, created }, stop])) expect(Number.isInteger(chunk.created)).toBe(true)
    })

  test('a whole answer has a role and a content, which may be null', async () => {
    for (const message of [
      { tool_calls: [call] },
      { role: null, tool_calls: [call] },
      { role: 5, tool_calls: [call], content: null },
    ])
      expect((await wholeFor(reply(message))).choices[0].message).toMatchObject({ role: 'assistant', content: null })
  })

  test('id, object and model are set by the gateway', async () => {
    const head = { id: 5, object: null, model: {} }
    const ours = { id: 'ours', model: 'up/m' }
    expect(await wholeFor(reply({ content: 'Tea' }, head))).toMatchObject({ ...ours, object: 'chat.completion' })
    for (const chunk of chunksFor([{ ...tea, ...head }, stop]))
      expect(chunk).toMatchObject({ ...ours, object: 'chat.completion.chunk' })
  })

  test('the index is a number', async () => {
    for (const index of ['0', null, undefined, {}, 'x', -1, 0.5, 128, 4711, 1e300]) {
      expect((await wholeFor({ choices: [{ index, message: { content: 'Tea' } }] })).choices[0].index).toBe(0)
      expect(chunksFor([{ choices: [{ index, delta: { content: 'Tea' } }] }, stop])[0]).toMatchObject({
        choices: [{ index: 0 }],
      })
    }
  })

  test('log probabilities are an object or null', () => {
    const chunk = { choices: [{ index: 0, delta: { content: 'Tea' }, logprobs: 'x', finish_reason: null }] }
    expect(chunksFor([chunk, stop])[0]).toMatchObject({ choices: [{ logprobs: null }] })
  })

  test('usage of another type is left out', async () => {
    for (const usage of ['', 0, false, 'odd', []]) {
      expect(await wholeFor(reply({ content: 'Tea' }, { usage }))).not.toHaveProperty('usage')
      for (const chunk of relayedFor([tea, { ...tea, usage }, stop])) expect(chunk.usage ?? null).toBeNull()
    }
  })

  test('the role is always assistant', async () => {
    for (const role of ['bot', 'model', 'user', 'Assistant', 5, {}]) {
      const message = { role, content: 'Tea' }
      expect((await wholeFor(reply(message))).choices[0].message.role).toBe('assistant')
      const textAndCalls = { choices: [{ index: 0, delta: message, finish_reason: null }] }
      const [first, second] = relayedFor([textAndCalls, textAndCalls, stop])
      expect(first).toMatchObject({ choices: [{ delta: { role: 'assistant', content: 'Tea' } }] })
      expect(second).toMatchObject({ choices: [{ delta: { content: 'Tea' } }] })
      expect(JSON.stringify(second)).not.toContain('role')
    }
  })

  test('an empty error is left out', async () => {
    for (const error of [{}, []]) {
      expect(await wholeFor(reply({ content: 'Tea' }, { error }))).not.toHaveProperty('error')
      for (const chunk of relayedFor([tea, { ...tea, error }, stop])) expect(chunk).not.toHaveProperty('error')
    }
  })

  test('two whole answers with the same index are two answers', async () => {
    const choice = (content: string) => ({ index: 0, message: { content }, finish_reason: 'stop' })
    expect(textAndCalls(await readWhole({ choices: [choice('Tea'), choice('Milk')] }))).toBe('Tea|Milk')
  })
})

describe('an unusable reply is a failure', () => {
  const unusable: readonly unknown[] = [
    { choices: 5 },
    { choices: 'odd' },
    { choices: [5] },
    { choices: [[]] },
    { choices: [null, []] },
    5,
    'odd',
    [],
    null,
  ]
  for (const value of unusable)
    test(JSON.stringify(value), () => {
      expect(() => decoder().chunk(value)).toThrow('unknown shape')
      expect(() => decoder().whole(value)).toThrow('unknown shape')
    })

  test('any value is an answer or a ChatError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (delta, member, index) => {
        const reply = {
          choices: [{ index, delta, message: member, finish_reason: member, logprobs: delta }],
          usage: member,
        }
        for (const read of [() => decoder().chunk(reply), () => decoder().whole(reply)]) {
          try {
            read()
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ChatError)
          }
        }
      }),
      { numRuns: runs(2_000) },
    )
  })
})
