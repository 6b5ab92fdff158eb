import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { acceptableBody } from './acceptable-messages.ts'
import { decodeMessages } from './decode-messages.ts'
import { isPlainConversation } from './plain-conversation.ts'

const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(null, undefined, 0, [], {}, '') })
const words = fc.constantFrom('A', 'word ')
const text = fc.record({
  type: fc.constant('text'),
  text: or(words),
  cache_control: fc.constantFrom(undefined, { type: 'ephemeral' }),
})
const image = fc.record({
  type: fc.constant('image'),
  source: or(fc.constantFrom({ type: 'url', url: 'https://a.test/' }, { type: 'file', file_id: 'f' })),
})
const id = fc.constantFrom('toolu_1', 'toolu_2', 'functions.a:0')
const inner = or(
  fc.oneof(
    words,
    fc.array(or(fc.oneof(text, image, fc.constant({ type: 'tool_reference', tool_name: 'a' }))), { maxLength: 2 }),
  ),
)
const document = fc.constantFrom(
  { type: 'document', source: { type: 'text', data: 1 } },
  { type: 'search_result', content: 0 },
)
const ofUser = fc.oneof(
  text,
  image,
  document,
  fc.record({ type: fc.constant('tool_result'), tool_use_id: or(id), content: inner }),
)
const ofAssistant = fc.oneof(
  text,
  fc.record({
    type: fc.constant('tool_use'),
    id: or(id),
    name: or(fc.constant('a')),
    input: or(fc.object({ maxDepth: 1 })),
  }),
  fc.record({ type: fc.constant('thinking'), thinking: or(words), signature: or(fc.constantFrom('c2ln', '')) }),
  fc.record({ type: fc.constant('redacted_thinking'), data: or(words) }),
)
const content = (block: fc.Arbitrary<unknown>) =>
  or(fc.oneof(words, fc.array(or(block), { minLength: 1, maxLength: 3 })))
const message = fc.oneof(
  fc.record({ role: fc.constant('user'), content: content(ofUser) }),
  fc.record({ role: fc.constant('assistant'), content: content(ofAssistant) }),
  fc.record({ role: fc.constantFrom('system', 'developer'), content: content(text) }),
)
const body = fc.record({
  system: or(fc.oneof(words, fc.array(text, { minLength: 1, maxLength: 2 }))),
  messages: or(fc.array(or(message), { minLength: 1, maxLength: 3 })),
})

test('a plain conversation can be read, and Anthropic accepts it as it is', () => {
  let count = 0
  fc.assert(
    fc.property(body, (sent) => {
      const value = JSON.parse(JSON.stringify(sent))
      if (!isPlainConversation(value)) return
      count++
      decodeMessages(value)
      expect(acceptableBody(value)).toBe(value)
    }),
    { numRuns: runs(10_000) },
  )
  expect(count).toBeGreaterThan(runs(10_000) / 20)
})
