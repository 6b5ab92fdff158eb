import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { nestsTooDeep } from './json.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

test('item 29: it judges every JSON text as its parsed value is nested', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(8), fc.constantFrom(0, 2), (value, limit, indent) => {
      expect(nestsTooDeep(JSON.stringify(value, null, indent), limit)).toBe(depthOf(value) > limit)
    }),
    { numRuns: 1_000 },
  )
})

test('item 29: 64 brackets may stand inside each other, 65 may not', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    expect(nestsTooDeep(`${open.repeat(64)}1${close.repeat(64)}`)).toBe(false)
    expect(nestsTooDeep(`${open.repeat(65)}1${close.repeat(65)}`)).toBe(true)
  }
})

test('brackets in strings do not count, escaped quotes do not end a string', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[[{"\\\]}a]*$/), (said) => {
      expect(nestsTooDeep(JSON.stringify([said]), 1)).toBe(false)
      expect(nestsTooDeep(`[${JSON.stringify(said)},[]]`, 1)).toBe(true)
    }),
  )
})

test('brackets after a string that does not end are inside it', () => {
  expect(nestsTooDeep(`"${'['.repeat(1_000)}`)).toBe(false)
  expect(nestsTooDeep(`"\\"${'['.repeat(1_000)}`)).toBe(false)
})

test('item 29: five million brackets, or backslashes, are judged at once', () => {
  const startedAt = performance.now()
  expect(nestsTooDeep('['.repeat(5_000_000))).toBe(true)
  expect(nestsTooDeep('[]'.repeat(2_500_000))).toBe(false)
  expect(nestsTooDeep(`"${'\\\\'.repeat(2_500_000)}"`)).toBe(false)
  expect(nestsTooDeep(`"${'\\"'.repeat(2_500_000)}"`)).toBe(false)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
