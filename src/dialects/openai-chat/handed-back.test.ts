import { describe, expect, test } from 'bun:test'
import type { Fields } from '../../chat/message.ts'
import { extraOfAnswer, extraOfCall, gather, nothing } from './handed-back.ts'

const joined = (...deltas: readonly Fields[]) => deltas.reduce((all, delta) => gather(all, delta), nothing).fields

const details = (...items: readonly Fields[]) => ({ reasoning_details: items })

/** The deltas, and the data that is sent back. */
const cases: Readonly<Record<string, readonly [readonly Fields[], Fields]>> = {
  'a text by its index': [
    [
      details({ type: 'reasoning.text', index: 0, text: 'ha', format: 'anthropic-claude-v1' }),
      details({ type: 'reasoning.text', index: 0, text: 'ha', format: 'anthropic-claude-v1' }),
      details({ type: 'reasoning.text', index: 0, signature: 'c2ln' }),
    ],
    details({ type: 'reasoning.text', index: 0, text: 'haha', format: 'anthropic-claude-v1', signature: 'c2ln' }),
  ],
  'a signature that is null at first, then repeated': [
    [
      details({ type: 'reasoning.text', index: 0, text: 'a', signature: null }),
      details({ type: 'reasoning.text', index: 0, text: 'b', signature: 'c2ln' }),
      details({ type: 'reasoning.text', index: 0, text: '', signature: 'c2ln' }),
    ],
    details({ type: 'reasoning.text', index: 0, text: 'ab', signature: 'c2ln' }),
  ],
  'a signature in pieces': [
    [
      details({ type: 'reasoning.text', index: 0, signature: 'c2' }),
      details({ type: 'reasoning.text', index: 0, signature: 'ln' }),
    ],
    details({ type: 'reasoning.text', index: 0, signature: 'c2ln' }),
  ],
  'two kinds at one index (Gemini)': [
    [
      details({ type: 'reasoning.text', index: 0, text: 'a' }),
      details({ type: 'reasoning.encrypted', index: 0, id: 'call_1', data: 'eHg=' }),
      details({ type: 'reasoning.encrypted', index: 0, id: 'call_2', data: 'eXk=' }),
    ],
    details(
      { type: 'reasoning.text', index: 0, text: 'a' },
      { type: 'reasoning.encrypted', index: 0, id: 'call_1', data: 'eHg=' },
      { type: 'reasoning.encrypted', index: 0, id: 'call_2', data: 'eXk=' },
    ),
  ],
  'two texts in turns': [
    [
      details(
        { type: 'reasoning.summary', index: 0, summary: 'a' },
        { type: 'reasoning.summary', index: 1, summary: 'x' },
      ),
      details(
        { type: 'reasoning.summary', index: 1, summary: 'y' },
        { type: 'reasoning.summary', index: 0, summary: 'b' },
      ),
    ],
    details(
      { type: 'reasoning.summary', index: 0, summary: 'ab' },
      { type: 'reasoning.summary', index: 1, summary: 'xy' },
    ),
  ],
  'text without an index continues the last item': [
    [
      details({ type: 'reasoning.text', text: 'a' }),
      details({ type: 'reasoning.text', text: 'b' }),
      details({ type: 'reasoning.encrypted', data: 'x' }),
      details({ type: 'reasoning.encrypted', data: 'y' }),
      details({ type: 'reasoning.text', text: 'c' }),
    ],
    details(
      { type: 'reasoning.text', text: 'ab' },
      { type: 'reasoning.encrypted', data: 'x' },
      { type: 'reasoning.encrypted', data: 'y' },
      { type: 'reasoning.text', text: 'c' },
    ),
  ],
  'objects within objects': [
    [{ extra_content: { google: { thought: true } } }, { extra_content: { google: { thought_signature: 'c2ln' } } }],
    { extra_content: { google: { thought: true, thought_signature: 'c2ln' } } },
  ],
  'a member in every delta': [
    [
      { id: 'a', model: 'm', seen: 1 },
      { id: 'a', model: 'm', seen: 2 },
    ],
    { id: 'a', model: 'm', seen: 2 },
  ],
}

describe('deltas are joined', () => {
  for (const [name, [deltas, whole]] of Object.entries(cases))
    test(name, () => expect(joined(...deltas)).toEqual(whole))
})

test('a member beyond the bound is left out, and the rest stays', () => {
  const sound = { audio: { data: 'a'.repeat(400_000) } }
  const all = joined({ extra_content: { google: 'c2ln' } }, sound, sound, sound, sound)
  expect(all).toEqual({ extra_content: { google: 'c2ln' } })
})

test('endless items are bounded, and read in linear time', () => {
  const many = Array.from({ length: 5_000 }, (_, index) => ({ index }))
  const { fields } = many.reduce((all, item) => gather(all, { list: [item] }), nothing)
  expect(fields?.list).toHaveLength(256)
})

const membersFrom = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`member_${from + index}`, 1]))

describe('the data that each delta would copy is bounded', () => {
  const signed = { extra_content: { google: 'c2ln' } }
  const single = Array.from({ length: 1_000 }, (_, index) => membersFrom(index, 1))

  test('endless members, one in each delta', () => {
    expect(Object.keys(joined(signed, ...single) ?? {}).length).toBeLessThan(200)
  })

  test('endless members within one item', () => {
    expect(joined(signed, ...single.map((vendor) => ({ vendor })))).toEqual(signed)
  })

  test('many members at once, and then more of them', () => {
    const vendor = membersFrom(0, 1_000)
    expect(joined(signed, { vendor })).toEqual({ ...signed, vendor })
    expect(joined(signed, { vendor }, { vendor: { late: 1 } })).toEqual(signed)
    expect(joined({ list: [vendor] }, { list: [{ late: 1 }] })?.list).toHaveLength(2)
  })

  test('many items at once, and then more of them', () => {
    const list = Array.from({ length: 1_000 }, (_, index) => ({ index }))
    expect(joined(signed, { list })).toEqual({ ...signed, list })
    expect(joined(signed, { list }, { list: [{ index: 1 }] })).toEqual(signed)
  })

  test('members that are all too large', () => {
    const large = single.map((member) => ({ ...member, vendor: 'a'.repeat(2 ** 20) }))
    expect(large.reduce(gather, nothing).lost.size).toBeLessThan(200)
  })
})

test('known members and empty members are not extra', () => {
  expect(
    extraOfAnswer({ role: 'assistant', content: 'a', refusal: null, annotations: [], reasoning: 'hm' }),
  ).toBeUndefined()
  expect(extraOfAnswer({ reasoning_content: 'hm', reasoning: 'hm' })).toEqual({ reasoning: 'hm' })
  expect(extraOfCall({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } })).toBeUndefined()
  expect(extraOfCall({ function: { name: 'f', thought_signature: 'x' }, extra_content: { google: {} } })).toEqual({
    function: { thought_signature: 'x' },
    extra_content: { google: {} },
  })
})
