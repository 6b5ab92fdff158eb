import { expect, test } from 'bun:test'
import { Histogram } from './histogram.ts'

test('a value is in each bucket whose bound it does not exceed', () => {
  const histogram = new Histogram([1, 2])
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value)
  expect(histogram.samples('h', { a: 'x' })).toEqual([
    { metricName: 'h_bucket', labels: { a: 'x', le: '1' }, value: 2 },
    { metricName: 'h_bucket', labels: { a: 'x', le: '2' }, value: 3 },
    { metricName: 'h_bucket', labels: { a: 'x', le: '+Inf' }, value: 4 },
    { metricName: 'h_sum', labels: { a: 'x' }, value: 12 },
    { metricName: 'h_count', labels: { a: 'x' }, value: 4 },
  ])
})

test('what was counted elsewhere is added, and nothing is shown without an observation', () => {
  const histogram = new Histogram([1])
  expect(histogram.samples('h', {})).toEqual([])
  histogram.add([2, 1], 5)
  expect(histogram.samples('h', {}).map(({ value }) => value)).toEqual([2, 3, 5, 3])
})
