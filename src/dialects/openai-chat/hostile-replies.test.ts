/** Replies that no honest upstream sends: each is an answer or a ChatError, at once, and leaves nothing behind. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { Fold } from '../../flow/fold.ts'
import { errorInside, readComplaint } from './complaint.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer } from './encode-answer.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'ours', model: 'up/m', created: 5, includeUsage: true }

/** Everything that is done with a stream: decoded, folded, encoded as a stream and whole. */
function consume(chunks: readonly unknown[]): { events: readonly ChatEvent[]; thrown: unknown } {
  const decoder = new ReplyDecoder({ choices: 2, newId: () => 'made' })
  const [encoder, folded] = [new StreamEncoder(options), new Fold({ maxCharacters: 1e8 })]
  const events: ChatEvent[] = []
  const add = (batch: readonly ChatEvent[]) => {
    for (const event of batch) {
      events.push(event)
      folded.add(event)
      JSON.stringify(encoder.event(event))
    }
  }
  try {
    for (const chunk of chunks) add(decoder.chunk(chunk))
    add(decoder.end('terminated'))
    encoder.end()
    const choices = folded.choices.flatMap(({ finish, ...choice }) => (finish ? [{ ...choice, finish }] : []))
    JSON.stringify(encodeAnswer({ choices, usage: folded.usage }, options))
    return { events, thrown: undefined }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown }
  }
}

const plain = Object.getOwnPropertyNames(Object.prototype).sort()
const unpolluted = () => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(plain)
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
}

const numbers = [-1, 0, 1, 1.5, 127, 128, 2 ** 31, 2 ** 53, 1e300, Number.POSITIVE_INFINITY, Number.NaN, -0]
const words = ['', 'a', '\ud83d', '\ude00', '{"a":', '}', 'stop', 'tool_calls', '\u2028', '7', '-1', 'NaN']
const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'toJSON', 'length', 'polluted', 'id']
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, true, ...numbers, ...words),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...keys), tie('value')).map(withProto),
  ),
})).value

/** Makes `__proto__` a member, as `JSON.parse` does. */
function withProto(object: object): unknown {
  return JSON.parse(JSON.stringify(object).replaceAll('"polluted"', '"__proto__"'))
}

const few = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 })
const index = fc.constantFrom<unknown>(...numbers, '0', null, undefined)
const aCall = fc.record({
  index,
  id: fc.constantFrom<unknown>('a', 'b', '__proto__', '', null, 7),
  type: few(fc.constantFrom('function', 'custom')),
  function: fc.record({ name: fc.constantFrom<unknown>('f', 'toString', '', null), arguments: anything }),
  extra_content: few(anything),
})
const aDelta = fc.record(
  {
    role: anything,
    content: fc.oneof(fc.constantFrom(...words), anything),
    refusal: few(fc.constantFrom(...words)),
    reasoning_content: few(fc.constantFrom(...words)),
    reasoning_details: few(anything),
    annotations: few(fc.array(anything, { maxLength: 2 })),
    tool_calls: few(fc.array(aCall, { maxLength: 3 })),
    extra: anything,
  },
  { requiredKeys: [] },
)
const aChoice = fc.record(
  {
    index,
    delta: aDelta,
    finish_reason: few(fc.constantFrom(...words)),
    logprobs: few(anything),
    usage: few(anything),
  },
  { requiredKeys: [] },
)
const aUsage = fc.dictionary(
  fc.constantFrom('prompt_tokens', 'completion_tokens', 'total_tokens', 'prompt_tokens_details', ...keys),
  anything,
)
const aChunk = fc.oneof(
  { arbitrary: fc.record({ choices: fc.array(aChoice, { maxLength: 3 }), usage: few(aUsage) }), weight: 9 },
  { arbitrary: anything, weight: 1 },
)

test('any chunks in any order are an answer or a ChatError, and pollute nothing', () => {
  fc.assert(
    fc.property(fc.array(aChunk, { maxLength: 6 }), (chunks) => {
      consume(chunks)
      unpolluted()
    }),
    { numRuns: runs(500) },
  )
})

const finish = { index: 0, delta: {}, finish_reason: 'stop' }
const of = (delta: object) => ({ choices: [{ index: 0, delta }] })

test('a finish before the parts, and parts after it, end the answer once', () => {
  const { events } = consume([
    { choices: [finish] },
    of({ content: 'late' }),
    { choices: [finish] },
    of({ content: 'x' }),
  ])
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
})

test('a hundred thousand annotations in one delta are taken', () => {
  const annotations = Array.from({ length: 100_000 }, (_, at) => ({
    type: 'url_citation',
    url: `https://a.test/${at}`,
  }))
  const { events, thrown } = consume([of({ content: 'Tea', annotations }), { choices: [finish] }])
  expect(thrown).toBeUndefined()
  expect(events.some(({ type }) => type === 'finish')).toBe(true)
})

test('a member called __proto__ in fields that are sent back lends nothing to them', () => {
  const pieces = ['{"google":{"a":"x"}}', '{"google":{"__proto__":{"polluted":"y"},"a":"y","constructor":null}}']
  const call = (extra_content: unknown) =>
    of({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f' }, extra_content }] })
  const { events } = consume([...pieces.map((piece) => call(JSON.parse(piece))), { choices: [finish] }])
  const extras = events.flatMap((event) => ('extra' in event && event.extra ? [event.extra['openai-chat']] : []))
  expect(extras).toHaveLength(2)
  const { google } = Object(extras[1]?.extra_content)
  expect(google.a).toBe('xy')
  expect(google.polluted).toBeUndefined()
  expect(Object.getPrototypeOf(google)).toBe(Object.prototype)
  expect(JSON.stringify(google)).toBe('{"a":"xy","constructor":null}')
  unpolluted()
})

test('a million elements where a list of others is expected cost no more than their bytes', () => {
  const consumed = (length: number) =>
    consume([
      of({ content: new Array(length).fill({ type: 'odd' }) }),
      of({ content: 'Tea', reasoning_details: new Array(length).fill(null) }),
      { choices: [finish], usage: new Array(length).fill(1) },
    ])
  expect(consumed(1e6).thrown).toBeUndefined()
})

const errorKeys = ['error', 'message', 'detail', 'errors', 'code', 'type', 'param', 'loc', 'msg', 'status', 'base_resp']
const anError = fc.dictionary(
  fc.constantFrom(...errorKeys, 'status_code', 'status_msg', 'errorText'),
  fc.oneof(anything, fc.array(anything, { maxLength: 3 }), fc.dictionary(fc.constantFrom(...errorKeys), anything)),
)

test('any error body is a complaint, and any error inside a reply a ChatError', () => {
  fc.assert(
    fc.property(anError, (body) => {
      readComplaint(body)
      expect(errorInside(body)).toBeInstanceOf(ChatError)
      consume([{ error: body }])
      unpolluted()
    }),
    { numRuns: runs(2000) },
  )
})

const unprintable = JSON.parse('{"toString":null,"valueOf":null}')
for (const body of [
  { message: ['No.', unprintable] },
  { detail: [{ msg: 'No.', loc: ['body', unprintable, 'a'] }] },
  { base_resp: { status_msg: 'No.', status_code: unprintable } },
  { error: { message: 'No.', code: unprintable, type: unprintable, param: unprintable } },
])
  test(`members without a text do not cause a failure: ${JSON.stringify(body)}`, () => {
    expect(readComplaint(body).message).toStartWith('No.')
    expect(errorInside(body)).toBeInstanceOf(ChatError)
  })

test('a verdict of MiniMax without a number is an answer or a ChatError', () => {
  const { thrown } = consume([{ choices: [], base_resp: { status_code: unprintable } }])
  expect(thrown).toBeInstanceOf(ChatError)
})
