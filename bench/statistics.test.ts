import { expect, test } from 'bun:test'
import { median, quantile, slope } from './statistics.ts'

test('the median of an even number of values is the mean of the two middle values', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([9, 1, 5])).toBe(5)
  expect(median([1, 2])).toBe(1.5)
  expect(median([])).toBeNaN()
})

test('a quantile is one of the values', () => {
  const values = Array.from({ length: 200 }, (_, index) => index + 1)
  expect(quantile(values, 0.99)).toBe(198)
  expect(quantile(values, 1)).toBe(200)
})

test('the slope of a line is found, and is 0 for noise that cancels out', () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBeCloseTo(2)
  expect(
    slope([
      [0, 1],
      [1, 5],
      [2, 1],
    ]),
  ).toBeCloseTo(0)
})
