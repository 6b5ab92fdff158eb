import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { editsBetween } from '../chat/edit-distance.ts'
import { nearestName, prepareName } from './near-name.ts'

const name = fc.string({ unit: fc.constantFrom('A', 'B', '_', '1', 'a'), maxLength: 14 })
/** Optimal string alignment as in its definition, without any shortcut. */
function definedEdits(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const [cutA, cutB] = [a.slice(0, -1), b.slice(0, -1)]
  const isSwapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)
  return Math.min(
    definedEdits(cutA, b) + 1,
    definedEdits(a, cutB) + 1,
    definedEdits(cutA, cutB) + (a.at(-1) === b.at(-1) ? 0 : 1),
    isSwapped ? definedEdits(a.slice(0, -2), b.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
  )
}

test('edits are counted as they are defined', () => {
  const short = fc.string({ unit: fc.constantFrom('A', 'B', 'C'), maxLength: 6 })
  fc.assert(fc.property(short, short, (a, b) => expect(editsBetween(a, b)).toBe(definedEdits(a, b))))
})

/** A name and one with a few edits. */
const pair = fc.tuple(name, name, name, name).map(([head, a, b, tail]) => [head + a + tail, head + b + tail] as const)

test('edits are counted as far as the limit, and the count is over the limit otherwise', () => {
  fc.assert(
    fc.property(pair, fc.nat(4), ([a, b], max) => {
      const edits = editsBetween(a, b)
      const bounded = editsBetween(a, b, max)
      expect(bounded).toBe(edits <= max ? edits : Number.POSITIVE_INFINITY)
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
      expect(nearestName(prepareName(asked), known.map(prepareName), { left: 100 })).toBe(expected)
    }),
  )
})

test('a name that means the same credential is the nearest one', () => {
  const known = ['OPENAI_API_KEYS', 'OPENAI_API_KEY'].map(prepareName)
  expect(nearestName(prepareName('OPENAI_TOKEN'), known, { left: 100 })).toBe('OPENAI_API_KEY')
})

test('no more names are compared than the effort allows', () => {
  const known = Array.from({ length: 100 }, (_, at) => prepareName(`NAME_${at}_MODELS`))
  const effort = { left: 150 }
  const asked = prepareName('NAMES_XY_MODELS')
  expect(nearestName(asked, known, effort)).toBe('NAME_0_MODELS')
  const left = effort.left
  expect(left).toBeLessThan(150)
  for (let time = 0; time < 150; time++) nearestName(asked, known, effort)
  expect(effort.left).toBe(0)
  expect(nearestName(asked, known, effort)).toBeUndefined()
})
