import { expect, test } from 'bun:test'
import { lengthOf, marksUpTo } from './scale.ts'

const cases: readonly (readonly [number, readonly number[]])[] = [
  [0, [0, 1]],
  [-3, [0, 1]],
  [Number.NaN, [0, 1]],
  [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [3, [0, 1, 2, 3]],
  [7, [0, 2, 4, 6, 8]],
  [12, [0, 5, 10, 15]],
  [100, [0, 20, 40, 60, 80, 100]],
  [1_234_567, [0, 500_000, 1_000_000, 1_500_000]],
  [0.0007, [0, 0.0002, 0.0004, 0.0006, 0.0008]],
]

for (const [top, marks] of cases)
  test(`the axis of ${top} has marks up to it`, () => expect(marksUpTo(top)).toEqual([...marks]))

test('every axis has at most the wanted steps, and reaches its top', () => {
  for (let top = 1e-6; top < 1e15; top *= 1.37) {
    const marks = marksUpTo(top, { most: 4 })
    expect(marks.length).toBeLessThanOrEqual(5)
    expect(marks.at(-1)).toBeGreaterThanOrEqual(top * (1 - 1e-9))
  }
})

test('whole things have no mark between them', () => {
  expect(marksUpTo(1, { leastStep: 1 })).toEqual([0, 1])
  expect(marksUpTo(3, { leastStep: 1 })).toEqual([0, 1, 2, 3])
})

test('a length is a share of the whole, and never outside of it', () => {
  expect([lengthOf(1, 3), lengthOf(5, 3), lengthOf(-1, 3), lengthOf(1, 0)]).toEqual(['33.333%', '100%', '0%', '0%'])
})
