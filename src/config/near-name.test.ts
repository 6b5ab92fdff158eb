import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { editsBetween, nearestName, prepareName } from './near-name.ts'

const name = fc.string({ unit: fc.constantFrom('A', 'B', '_', '1', 'a'), maxLength: 14 })
/** A name and one with a few edits. */
const pair = fc.tuple(name, name, name, name).map(([head, a, b, tail]) => [head + a + tail, head + b + tail] as const)

test('edits are counted as far as the limit, and the count is over the limit otherwise', () => {
  fc.assert(
    fc.property(pair, fc.nat(4), ([a, b], max) => {
      const edits = editsBetween(a, b)
      const bounded = editsBetween(a, b, max)
      if (edits <= max) expect(bounded).toBe(edits)
      else expect(bounded).toBeGreaterThan(max)
    }),
  )
})

test('a letter inserted, deleted or replaced, and two neighbours swapped, are one edit each', () => {
  expect(['abc', 'abcd', 'ab', 'axc', 'acb', 'xbay'].map((other) => editsBetween('abc', other))).toEqual([
    0, 1, 1, 1, 1, 3,
  ])
})

test('the nearest name is the first of those with the fewest edits, as without any shortcut', () => {
  const allowed = (text: string) => (text.length <= 5 ? 1 : text.length <= 12 ? 2 : 3)
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 8 }), (pairs) => {
      const asked = pairs[0]?.[0] ?? ''
      const known = pairs.map(([, other]) => other)
      const edits = known.map((other) => editsBetween(asked.toUpperCase(), other.toUpperCase()))
      const fewest = Math.min(...edits)
      const expected = fewest <= allowed(asked) ? known[edits.indexOf(fewest)] : undefined
      expect(nearestName(prepareName(asked), known.map(prepareName))).toBe(expected)
    }),
  )
})

test('a name that means the same credential is the nearest one', () => {
  const known = ['OPENAI_API_KEYS', 'OPENAI_API_KEY'].map(prepareName)
  expect(nearestName(prepareName('OPENAI_TOKEN'), known)).toBe('OPENAI_API_KEY')
})
