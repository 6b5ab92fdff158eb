import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { decodeRequest, itemsIn } from './decode-request.ts'
import { encodeRequest } from './encode-request.ts'
import { hasPlainInput } from './plain-input.ts'
import { relayRequest } from './relay-request.ts'

const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 25, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(null, undefined, 0, [], {}, '') })
const words = fc.constantFrom('A', 'word ')
const id = fc.constantFrom('call_1', 'call_2', 'x'.repeat(65))
const part = fc.oneof(
  fc.record({ type: fc.constantFrom('input_text', 'output_text'), text: or(words) }),
  fc.record({ type: fc.constant('input_image'), image_url: or(fc.constant('https://a.test/')), detail: or(words) }),
  fc.constantFrom({ type: 'refusal', refusal: 'no' }, { type: 'x_part' }),
)
const content = or(fc.oneof(words, fc.array(or(part), { minLength: 1, maxLength: 2 })))
const rare = fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 'item_1', null)
const item = fc.oneof(
  fc.record({
    type: fc.constantFrom('message', undefined),
    role: or(fc.constantFrom('user', 'developer')),
    content,
    id: rare,
  }),
  fc.record({ type: fc.constant('message'), role: fc.constant('assistant'), content, phase: rare }),
  fc.record({ type: fc.constant('function_call'), call_id: or(id), name: or(words), arguments: or(fc.constant('{}')) }),
  fc.record({ type: fc.constant('custom_tool_call'), call_id: or(id), name: or(words), input: or(words) }),
  fc.record({
    type: fc.constantFrom('function_call_output', 'custom_tool_call_output'),
    call_id: or(id),
    output: or(words),
    status: rare,
  }),
  fc.constantFrom({ type: 'reasoning', summary: [] }, { type: 'web_search_call', id: 'ws_1' }, { type: 'message' }),
)
const body = fc.record({
  model: fc.constant('client'),
  instructions: fc.constantFrom(undefined, undefined, 'Be brief.', null),
  input: or(
    fc.oneof(
      words,
      fc
        .tuple(
          fc.constantFrom({ role: 'user', content: 'A' }, { role: 'assistant', content: 'A' }),
          fc.array(or(item), { maxLength: 4 }),
        )
        .map(([first, others]) => [first, ...others]),
    ),
  ),
  tools: fc.constantFrom(undefined, [{ type: 'function', name: 'a' }, { type: 'web_search' }]),
  temperature: fc.constantFrom(undefined, undefined, 0.5, null),
  include: fc.constantFrom(undefined, ['reasoning.encrypted_content'], ['x'], []),
  store: fc.constantFrom(undefined, false, true),
  stream: fc.constantFrom(undefined, false, true),
  background: fc.constantFrom(undefined, undefined, undefined, false),
  previous_response_id: fc.constantFrom(undefined, undefined, undefined, null),
  tributary: fc.constantFrom(undefined, undefined, undefined, {}),
})

test('a plain input is read as by the full reader, and goes upstream as the encoder would have written it', () => {
  let [count, relayed] = [0, 0]
  fc.assert(
    fc.property(body, (sent) => {
      const bytes = Buffer.from(JSON.stringify(sent))
      const value = JSON.parse(bytes.toString())
      if (!hasPlainInput(value)) return
      count++
      const full = decodeRequest(value).request
      const { request } = decodeRequest(value, { bytes })
      const json = relayRequest({ ...request, model: 'theirs' })
      if (json) {
        relayed++
        const body = JSON.parse(Buffer.concat(json).toString())
        expect({ ...body, input: itemsIn(body) }).toEqual(encodeRequest({ ...full, model: 'theirs' }))
      }
      const { native: _, prompt, ...read } = request
      const { native: _native, prompt: fullPrompt, ...expected } = full
      expect(read).toEqual(expected)
      expect(prompt?.()).toEqual(fullPrompt?.())
    }),
    { numRuns: runs(10_000) },
  )
  expect(count).toBeGreaterThan(runs(10_000) / 20)
  expect(relayed).toBeGreaterThan(runs(10_000) / 200)
})
