import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { readyFlow } from '../../flow/flow.double.ts'
import { fold } from '../../flow/fold.ts'
import { ResponseDecoder } from './decode-stream.ts'
import { ItemMaker, itemsOf } from './items.ts'
import { plainResponseIn, wholeNative } from './plain-response.ts'
import { relayResponse } from './relayed-response.ts'
import { encodeResponse } from './response-object.ts'
import { ToolNames } from './tool-names.ts'

const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(null, undefined, 0, [], {}, '') })
const words = fc.constantFrom('A', 'word ', '\n', 'é')
const id = fc.nat(50).map((number) => `a_${number}`)
/** The first value, and rarely one of the others. */
const mostly = (usual: unknown, ...others: readonly unknown[]) =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
const text = fc.record({
  type: fc.constant('output_text'),
  text: or(words),
  annotations: mostly([], undefined, [{ type: 'url_citation', url: 'https://a.test/' }]),
  logprobs: mostly([], undefined, [{ token: 'A' }]),
})
const item = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      id: or(id),
      type: fc.constant('message'),
      role: or(fc.constant('assistant')),
      status: or(fc.constant('completed')),
      content: or(fc.array(or(text), { minLength: 1, maxLength: 2 })),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      id: or(id),
      type: fc.constant('function_call'),
      status: or(fc.constant('completed')),
      call_id: or(fc.constant('call_1')),
      name: or(fc.constantFrom('a', 'b', 'c')),
      arguments: or(fc.constantFrom('{}', '{"a":1}')),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'e' },
      { type: 'x_call', id: 'x_1' },
    ),
  },
)
const count = or(fc.nat(9))
/** The settings of a response: all of them, or all but some that are null or missing. */
const {
  id: _id,
  object: _object,
  output: _output,
  usage: _usage,
  ...settings
} = encodeResponse(
  { id: 'resp_theirs', created: 1, body: { model: 'theirs', store: false, instructions: 'Be brief.' } },
  { status: 'completed', output: [], completed: 1 },
)
const lack = fc.tuple(fc.constantFrom(...Object.keys(settings)), fc.constantFrom(null, undefined))
const completed = fc
  .oneof(fc.constant([]), fc.array(lack, { maxLength: 3 }))
  .map((lacks) => ({ ...settings, ...Object.fromEntries(lacks) }))
const said = fc.record({
  id: fc.constant('resp_theirs'),
  object: or(fc.constant('response')),
  created_at: fc.constant(1),
  status: mostly('completed', 'incomplete', 'failed', null),
  error: mostly(null, undefined, {}, { code: 'x' }),
  incomplete_details: mostly(null, undefined, { reason: 'max_output_tokens' }),
  model: fc.constant('theirs'),
  output: or(fc.array(or(item), { minLength: 1, maxLength: 3 })),
  temperature: fc.constantFrom(undefined, null, 0.5),
  store: fc.constantFrom(undefined, true, false),
  usage: or(
    fc.record({
      input_tokens: count,
      input_tokens_details: or(fc.record({ cached_tokens: count })),
      output_tokens: count,
      output_tokens_details: or(fc.record({ reasoning_tokens: count })),
      total_tokens: count,
    }),
  ),
})

const response = fc
  .tuple(said, fc.oneof(fc.constant({}), completed))
  .map(([members, complete]): object => ({ ...complete, ...members }))

/** A function and tools that have another name in the vocabulary, or another form. */
function offeredNames(): ToolNames {
  const names = new ToolNames()
  names.add({ kind: 'function', name: 'a' })
  names.add({ kind: 'function', name: 'b', namespace: 'n' })
  names.add({ kind: 'custom', name: 'c' })
  return names
}

const names = offeredNames()
const options = {
  id: 'resp_ours',
  created: 1,
  body: { model: 'client', store: false, instructions: 'Be brief.' },
  names,
  now: () => 2,
}

test('a plain response is read as by the full reader', () => {
  let plains = 0
  fc.assert(
    fc.property(response, (sent) => {
      const value = JSON.parse(JSON.stringify(sent))
      const plain = plainResponseIn(value, { names })
      if (!plain) return
      plains++
      const reader = new ResponseDecoder(names)
      const read = [...reader.event(value), ...reader.end()]
      // signs of progress are of no use when everything is there
      expect<unknown>(plain).toEqual(read.filter(({ type }) => type !== 'foreign'))
    }),
    { numRuns: runs(10_000) },
  )
  expect(plains).toBeGreaterThan(runs(10_000) / 20)
})

/** What must be the same in a response that is relayed, and in one that is written anew. */
function essence({ output, ...members }: { readonly [member: string]: unknown }): unknown {
  const items: readonly { readonly [member: string]: unknown }[] = JSON.parse(JSON.stringify(output))
  const { id, object, model, status, error, incomplete_details, store, usage, temperature } = members
  const kinds = Object.entries(members).map(([name, value]) => `${name} ${value === null ? 'null' : typeof value}`)
  const said = items.flatMap(({ id: _, content, ...item }) => (Array.isArray(content) ? content : [item]))
  return {
    id,
    object,
    model,
    status,
    error,
    incomplete_details,
    store,
    usage,
    temperature,
    kinds: kinds.sort(),
    said,
  }
}

test('a relayed response says what a response says that is written anew, and has all of its members', async () => {
  let relayed = 0
  const each = async (sent: object) => {
    const json = JSON.stringify(sent)
    const value = JSON.parse(json)
    const batch = plainResponseIn(value, { names, native: wholeNative(value, json) })
    if (!batch) return
    const answer = await fold(readyFlow(batch))
    const written = relayResponse(answer, options)
    if (!written) return
    relayed++
    const found = 'json' in written ? JSON.parse(written.json) : written.value
    const made = itemsOf({ parts: [], ...answer.choices[0] }, new ItemMaker(options))
    const output = made.flatMap(({ shown }) => (shown ? [shown] : []))
    const expected = encodeResponse(options, { status: 'completed', output, usage: answer.usage, completed: 2 })
    const own = sent && 'temperature' in sent && typeof sent.temperature === 'number' && { temperature: 0.5 }
    expect(essence(found)).toEqual(essence({ ...expected, ...own }))
  }
  await fc.assert(fc.asyncProperty(response, each), { numRuns: runs(10_000) })
  expect(relayed).toBeGreaterThan(runs(10_000) / 50)
})
