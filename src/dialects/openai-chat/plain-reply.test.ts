import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import { fold } from '../../flow/fold.ts'
import { isFields } from '../fields.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { encodeAnswer, writeAnswer } from './encode-answer.ts'
import { plainReplyIn, type ReplySource } from './plain-reply.ts'
import { isRefusal, saysWords } from './refusal-inside.ts'
import { decodeUsage, encodeUsage } from './usage.ts'

/** Usage in the documented form. */
const usages = fc
  .record({ input: fc.nat(9), output: fc.nat(9), cached: fc.option(fc.nat(9)), reasoning: fc.option(fc.nat(9)) })
  .map(({ input, output, cached, reasoning }) => ({
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(cached !== null && { prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 } }),
    ...(reasoning !== null && { completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0 } }),
  }))

const calls = fc
  .array(fc.constantFrom('{"a":1}', '[]', 'no JSON'), { minLength: 1, maxLength: 2 })
  .map((list) => list.map((json, at) => ({ id: `c${at}`, type: 'function', function: { name: 'f', arguments: json } })))

const speaking = fc.record({
  message: fc.record(
    {
      role: fc.constant('assistant'),
      content: fc.constantFrom('Tea', 'Tea \ud83c\udf75'),
      refusal: fc.constant(null),
      annotations: fc.constant([]),
    },
    { requiredKeys: ['role', 'content'] },
  ),
  logprobs: fc.constant(null),
  finish_reason: fc.constantFrom('stop', 'length', 'content_filter', 'tool_calls', 'function_call'),
})

const calling = fc.record({
  message: fc.record({
    role: fc.constant('assistant'),
    content: fc.constantFrom(null, '', 'Tea'),
    tool_calls: calls,
  }),
  finish_reason: fc.constantFrom('tool_calls', 'length', 'function_call'),
})

const choices = fc.oneof(speaking, calling)

/** Whole replies in the documented form. */
const replies = fc.record({
  id: fc.constant('theirs'),
  object: fc.constant('chat.completion'),
  created: fc.constant(7),
  model: fc.constant('m'),
  choices: fc
    .array(choices, { minLength: 1, maxLength: 3 })
    .map((list) => list.map((choice, index) => ({ index, ...choice }))),
  usage: usages,
  system_fingerprint: fc.constantFrom('fp', null),
})

const odd = [
  ...[null, '', 'odd', 'stop', 'error', 'assistant', 'user', 'c0', '7', '\ud83d', 0, 1, -1, 1.5, 200, true, false],
  ...[
    {},
    { message: 'odd' },
    { error: 'odd' },
    { usage: { prompt_tokens: 1 } },
    { cache_write_tokens: 1 },
    [],
    ['odd'],
    [{}],
    undefined,
  ],
]

/** Members that a reply in the documented form has not, at least not everywhere. */
const strange = [
  ...[
    'error',
    'errors',
    'detail',
    'base_resp',
    'x_groq',
    'code',
    'message',
    'usage',
    'usageMetadata',
    '__proto__',
    'name',
  ],
  ...[
    'custom',
    'id',
    'type',
    'arguments',
    'delta',
    'stop_reason',
    'matched_stop',
    'native_finish_reason',
    'reasoning',
    'reasoning_content',
    'tool_calls',
  ],
  ...[
    'cache_write_tokens',
    'function_call',
    'audio',
    'extra_content',
    'cachedTokens',
    'input_tokens',
    'cache_read_input_tokens',
    'cost',
  ],
]

interface Edit {
  readonly at: number
  readonly member: number
  readonly value: unknown
}

const edits = fc.array(fc.record({ at: fc.nat(99), member: fc.nat(99), value: fc.constantFrom(...odd) }), {
  maxLength: 2,
})

/** Changes, adds or removes a member of any object within the value. */
function edited<T extends object>(value: T, changes: readonly Edit[]): T {
  const copy = structuredClone(value)
  for (const change of changes) {
    const objects = objectsIn(copy)
    const object = objects[change.at % objects.length] ?? copy
    const names = [...Object.keys(object), ...Object.keys(object), ...strange]
    const name = names[change.member % names.length] ?? ''
    Object.defineProperty(object, name, {
      value: structuredClone(change.value),
      enumerable: change.value !== undefined,
      configurable: true,
      writable: true,
    })
  }
  return JSON.parse(JSON.stringify(copy))
}

function objectsIn(value: unknown): object[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn)
  return isFields(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : []
}

const stop = ['odd', 'END']

/** What the full reader makes of a reply; undefined if it refuses the reply. */
function fullyRead(reply: Fields): readonly ChatEvent[] | undefined {
  if (isRefusal(reply) || saysWords(reply)) return undefined
  try {
    return new ReplyDecoder({ choices: 1, newId: () => 'made', stop }).whole(reply)
  } catch (thrown) {
    if (thrown instanceof ChatError) return undefined
    throw thrown
  }
}

test('a plain reply has the same events as the full reader finds in it', () => {
  const counts = { plain: 0, other: 0 }
  fc.assert(
    fc.property(replies, edits, (reply, changes) => {
      const sent = edited(reply, changes)
      const plain = plainReplyIn(sent, { stop })
      counts[plain ? 'plain' : 'other']++
      if (!plain) return
      const full = fullyRead(sent)
      expect<unknown>(plain).toEqual(full)
      // the reply is relayed as the same object
      for (const event of [...plain, ...(full ?? [])]) expect(event.native?.value).toBe(sent)
    }),
    { numRuns: runs(15_000) },
  )
  expect(counts.plain).toBeGreaterThan(runs(1_500))
  expect(counts.other).toBeGreaterThan(runs(1_500))
})

const documented = {
  choices: [{ index: 0, message: { role: 'assistant', content: 'Tea' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
}

test('a reply in the documented form is plain', () => {
  const agrees = ({ usage: { prompt_tokens: input, completion_tokens: output, ...more } }: ReplyOf<typeof replies>) =>
    (more.prompt_tokens_details?.cached_tokens ?? 0) <= input &&
    (more.completion_tokens_details?.reasoning_tokens ?? 0) <= output
  fc.assert(
    fc.property(replies.filter(agrees), (reply) => expect(plainReplyIn(reply)).toBeDefined()),
    { numRuns: runs(1_000) },
  )
})

const call = (id: string, json = '{}') => ({ id, type: 'function', function: { name: 'f', arguments: json } })

/** The documented reply with another message. */
function saying(message: Fields, finish_reason = 'tool_calls'): Fields {
  return { choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] }
}

/** Members that change the meaning of a reply in the documented form. */
const meaningful: readonly Fields[] = [
  { base_resp: { status_code: 1008 } },
  { x_groq: { error: 'odd' } },
  { choices: documented.choices.map((choice) => ({ ...choice, stop_reason: 'END' })) },
  saying({ content: '' }, 'stop'),
  saying({ content: 'Tea', tool_calls: [call('a')] }, 'stop'),
  saying({ tool_calls: [call('a'), call('a')] }),
  saying({ tool_calls: [call('a', '"\ud83d"')] }),
  saying({ tool_calls: [call('a', '')] }),
]
for (const members of meaningful)
  test(`a reply is not plain with ${JSON.stringify(members)}`, () => {
    expect(plainReplyIn(documented, { stop })).toBeDefined()
    expect(plainReplyIn({ ...documented, ...members }, { stop })).toBeUndefined()
  })

type ReplyOf<T> = T extends fc.Arbitrary<infer Reply> ? Reply : never

test('plain usage is read and written like usage with another member', () => {
  const counts = { plain: 0, other: 0 }
  fc.assert(
    fc.property(usages, edits, (usage, changes) => {
      const sent: Fields = edited(usage, changes)
      // a member that no service sends leads past the check for plain usage
      const full = decodeUsage({ ...sent, unknown: 1 })
      const read = decodeUsage(sent)
      expect({ ...read, native: undefined }).toEqual({ ...full, native: undefined })
      expect(read.native?.value).toBe(sent)
      const written = encodeUsage(read)
      counts[written === sent ? 'plain' : 'other']++
      expect(encodeUsage(full)).not.toBe(full.native?.value ?? {})
      expect<Fields>({ ...written, unknown: 1 }).toEqual(encodeUsage(full))
    }),
    { numRuns: runs(15_000) },
  )
  expect(counts.plain).toBeGreaterThan(runs(1_000))
  expect(counts.other).toBeGreaterThan(runs(1_500))
})

const head = { id: 'ours', model: 'up/m', created: 5 }

/** The events of a reply; undefined for one that is no answer. */
function eventsIn(reply: Fields, source: ReplySource = {}): readonly ChatEvent[] | undefined {
  try {
    return plainReplyIn(reply, source) ?? new ReplyDecoder({ choices: 1, newId: () => 'made' }).whole(reply)
  } catch (thrown) {
    if (thrown instanceof ChatError) return undefined
    throw thrown
  }
}

test('a reply is relayed like its choices one by one', async () => {
  let relayed = 0
  await fc.assert(
    fc.asyncProperty(replies, edits, async (reply, changes) => {
      const sent = edited(reply, changes)
      const events = eventsIn(sent)
      if (!events) return
      const answer = await fold(readyFlow(events))
      const { choices, usage } = answer
      expect(encodeAnswer(answer, head)).toEqual(encodeAnswer({ choices, usage }, head))
      if (encodeAnswer(answer, head).choices === sent.choices) relayed++
    }),
    { numRuns: runs(10_000) },
  )
  expect(relayed).toBeGreaterThan(runs(1_500))
})

test('a relayed choice has all members that typed clients require', async () => {
  const incomplete: readonly (readonly [Fields, Fields])[] = [
    [
      { role: '', content: 'Tea' },
      { role: 'assistant', content: 'Tea' },
    ],
    [
      { role: 'assistant', tool_calls: [call('a')] },
      { role: 'assistant', content: null, tool_calls: [call('a')] },
    ],
  ]
  for (const [message, relayed] of incomplete) {
    const reply = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }
    const answer = await fold(readyFlow(eventsIn(reply) ?? []))
    expect(answer.reply?.value).toBe(reply)
    const { choices } = encodeAnswer(answer, head)
    expect(choices).toEqual([{ index: 0, message: relayed, finish_reason: 'tool_calls' }])
  }
})

/** Reads a reply from its JSON, and returns what a client gets. */
async function written(json: string | Uint8Array): Promise<{ readonly text: string; readonly isRelayed: boolean }> {
  const source = typeof json === 'string' ? { json } : { bytes: json }
  const reply: Fields = JSON.parse(typeof json === 'string' ? json : new TextDecoder().decode(json))
  const answer = writeAnswer(await fold(readyFlow(eventsIn(reply, source) ?? [])), head)
  if ('value' in answer) return { text: JSON.stringify(answer.value), isRelayed: false }
  return { text: await new Response(new Blob([answer.json].flat())).text(), isRelayed: true }
}

test('the JSON of a reply is relayed with the same meaning as its value', async () => {
  const counts = { relayed: 0, other: 0 }
  const forms = fc.constantFrom('text', 'lines', 'bytes')
  await fc.assert(
    fc.asyncProperty(replies, edits, forms, async (reply, changes, form) => {
      const sent = edited(reply, changes)
      const events = eventsIn(sent)
      if (!events) return
      const json = JSON.stringify(sent, undefined, form === 'lines' ? 2 : 0)
      const { text, isRelayed } = await written(form === 'bytes' ? Buffer.from(json) : json)
      counts[isRelayed ? 'relayed' : 'other']++
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(encodeAnswer(await fold(readyFlow(events)), head))))
    }),
    { numRuns: runs(10_000) },
  )
  expect(counts.relayed).toBeGreaterThan(runs(1_000))
  expect(counts.other).toBeGreaterThan(runs(1_000))
})

const choicesJson =
  '"choices":[{"index":0,"message":{"role":"assistant","content":"T\\u0065a"},"finish_reason":"stop"}]'
const usageJson = '"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}'
const rest = `${choicesJson},${usageJson},"cost":0.10}\n`
const theirs = '"id":"theirs","object":"chat.completion","created":7,"model":"m"'
const ours = '"id":"ours","object":"chat.completion","created":7,"model":"up/m"'

test('after its head, a reply is relayed byte for byte', async () => {
  for (const json of [`{${theirs},${rest}`, Buffer.from(`{${theirs},${rest}`)])
    expect(await written(json)).toEqual({ text: `{${ours},${rest}`, isRelayed: true })
})

test('a reply with another head is written again', async () => {
  const others = {
    'another order': `{"object":"chat.completion","id":"theirs","created":7,"model":"m",${rest}`,
    'white space': `{ ${theirs},${rest}`,
    'an escape': `{${theirs.replace('theirs', '\\u0074heirs')},${rest}`,
    'a repeated member': `{${theirs},${rest.trim().slice(0, -1)},"model":"n"}`,
    'bytes that are no text': Buffer.concat([
      Buffer.from(`{${theirs},${choicesJson},${usageJson},"x":"`),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ]),
  }
  const asBytes = Object.entries(others).map(([name, json]) => [`${name}, as bytes`, Buffer.from(json)] as const)
  for (const [name, json] of [...Object.entries(others), ...asBytes]) {
    const { text, isRelayed } = await written(json)
    expect([name, isRelayed]).toEqual([name, false])
    expect(JSON.parse(text)).toMatchObject({ id: 'ours', model: 'up/m', choices: [{ message: { content: 'Tea' } }] })
  }
})
