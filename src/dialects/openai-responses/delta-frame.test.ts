import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ResponseDecoder } from './decode-stream.ts'
import { frameOf } from './delta-frame.ts'

const words = fc.constantFrom('A', 'word ', '"', '\\', '\n', 'é', '🦜', '', '}')
/** The first value, and rarely one of the others. */
const mostly = (usual: unknown, ...others: readonly unknown[]) =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
const delta = fc.record({
  type: mostly('response.output_text.delta', 'response.reasoning_summary_text.delta', 'response.refusal.delta'),
  item_id: mostly('msg_1', 'msg_2'),
  output_index: mostly(0, 1),
  content_index: mostly(0, 1),
  delta: words,
  sequence_number: fc.oneof(
    { weight: 15, arbitrary: fc.nat(20) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1.5, '1') },
  ),
  obfuscation: mostly('x7', 'kQ', 1),
  logprobs: mostly([], [{ token: 'A' }]),
})
const other = fc.constantFrom(
  { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'A' },
  { type: 'response.output_item.added', output_index: 0, item: { id: 'msg_1', type: 'message' } },
  { type: 'response.output_item.done', output_index: 0, item: { id: 'msg_1', type: 'message' } },
  { type: 'response.x' },
)
const events = fc.array(fc.oneof({ weight: 9, arbitrary: delta }, { weight: 1, arbitrary: other }), { maxLength: 12 })

test('a stream is read as if each of its deltas was parsed', () => {
  let repeats = 0
  fc.assert(
    fc.property(events, fc.nat(7), fc.constantFrom(undefined, ' '), (sent, turn, space) => {
      const [reader, parser] = [new ResponseDecoder(), new ResponseDecoder()]
      for (const event of sent) {
        // anything may stand around the text
        const members = Object.entries(event)
        const turned = Object.fromEntries([...members.slice(turn), ...members.slice(0, turn)])
        const json = JSON.stringify(turned, undefined, space)
        const repeated = reader.repeated(json)
        if (repeated) repeats++
        expect(repeated ?? reader.event(JSON.parse(json), json)).toEqual(parser.event(JSON.parse(json)))
      }
    }),
    { numRuns: runs(10_000) },
  )
  expect(repeats).toBeGreaterThan(runs(10_000) / 10)
})

test('a delta that is no JSON, or has something else around its text, is not repeated', () => {
  const json = '{"delta":"A","sequence_number":7,"type":"response.output_text.delta"}'
  const frame = frameOf(json)
  expect(frame?.textIn(json.replace('"A"', '"}B"').replace('7', '10'))).toBe('}B')
  for (const [said, other] of [
    ['"A"', '"A\\u0041"'],
    ['"A"', '"A'],
    ['"A"', '1'],
    [':7', ':07'],
    [':7', ':'],
    [':7', ':-7'],
    ['output_text', 'refusal'],
    ['}', '} '],
    ['}', ''],
  ] as const)
    expect(frame?.textIn(json.replace(said, other))).toBeUndefined()
  expect(frameOf('{"delta":"A","delta":"B"}')).toBeUndefined()
  expect(frameOf('{"text":"A"}')).toBeUndefined()
})
