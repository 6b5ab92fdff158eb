import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { MessageDecoder } from './decode-stream.ts'
import { plainMessageIn } from './plain-message.ts'

const words = fc.constantFrom('', 'A', 'word ', '\n', 'é')
const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(null, undefined, 0, [], {}, '') })
const caller = fc.constantFrom(undefined, { type: 'direct' }, { type: 'code_execution' })
const block = fc.oneof(
  fc.record({
    type: fc.constant('text'),
    text: or(words),
    citations: fc.constantFrom(null, undefined, [{ type: 'c' }]),
  }),
  fc.record({ type: fc.constant('thinking'), thinking: or(words), signature: or(fc.constantFrom('c2ln', '')) }),
  fc.record({
    type: fc.constant('tool_use'),
    id: or(fc.constant('toolu_1')),
    name: or(fc.constant('n')),
    input: or(fc.object()),
    caller,
  }),
  fc.constantFrom({ type: 'redacted_thinking', data: 'x' }, { type: 'x_block' }, { type: 'text', text: 'A', x_own: 1 }),
)
const usage = fc.record({
  input_tokens: or(fc.nat(9)),
  output_tokens: or(fc.nat(9)),
  cache_read_input_tokens: or(fc.nat(9)),
})
const message = fc.record({
  type: fc.constant('message'),
  content: or(fc.array(or(block), { maxLength: 3 })),
  stop_reason: or(fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'stop_sequence', 'refusal', 'pause_turn', 'x')),
  stop_sequence: fc.constantFrom(null, 'END'),
  container: fc.constantFrom(null, { id: 'c' }),
  usage: or(usage),
})

test('a plain message is read as by the full reader', () => {
  let count = 0
  fc.assert(
    fc.property(message, (sent) => {
      const value = JSON.parse(JSON.stringify(sent))
      const plain = plainMessageIn(value)
      if (!plain) return
      count++
      const reader = new MessageDecoder()
      expect<unknown>(plain).toEqual([...reader.event(value), ...reader.end()])
    }),
    { numRuns: runs(5_000) },
  )
  expect(count).toBeGreaterThan(runs(5_000) / 20)
})
