import { expect, test } from 'bun:test'
import { barsOf, cachedShare, metrics, nameOf, shownName, sizeOf, sorted } from './bars.ts'
import type { UsageLine, UsageReport } from './types.ts'

const sums = {
  ...{ requests: 10, failed: 2, answers: 9, input_tokens: 100, cached_tokens: 60, missed_tokens: 40 },
  ...{ cache_write_tokens: 0, output_tokens: 50, reasoning_tokens: 20, estimated_answers: 0, cost_usd: 0.5 },
  ...{ unknown_costs: 0, saved_usd: 0.1 },
}

function report(by: UsageReport['by'], data: readonly UsageLine[]): UsageReport {
  return { from: '2026-11-01', to: '2026-11-04', by, prices: { date: '2026-09-23' }, data, total: sums }
}

test('a day without requests has an empty bar', () => {
  const data = ['2026-11-01', '2026-11-03'].map((day) => ({ ...sums, day }))
  expect(barsOf(report('day', data), 'requests').map((bar) => [bar.name, sizeOf(bar)])).toEqual([
    ['2026-11-01', 10],
    ['2026-11-02', 0],
    ['2026-11-03', 10],
    ['2026-11-04', 0],
  ])
})

test('each metric has two parts, whose sum it is', () => {
  const data = [{ ...sums, model: 'm' }]
  const parts = Object.fromEntries(metrics.map((metric) => [metric, barsOf(report('model', data), metric)[0]?.parts]))
  expect(parts).toEqual({ requests: [8, 2], input: [40, 60], output: [30, 20], cost: [0.5, 0] })
})

test('an unknown cost has no bar', () => {
  expect(barsOf(report('key', [{ ...sums, key: 'k', cost_usd: null }]), 'cost')[0]?.parts).toEqual([0, 0])
})

test('the share of the caches is that of the input of which it is known', () => {
  expect(cachedShare(sums)).toBe(0.6)
  expect(cachedShare({ ...sums, cached_tokens: 0, missed_tokens: 0 })).toBeNull()
  expect(cachedShare({ ...sums, cached_tokens: 0, missed_tokens: 5 })).toBe(0)
})

test('bars are sorted by their size, and lines by their requests or their day', () => {
  const data = [
    { ...sums, model: 'few', requests: 1, failed: 0 },
    { ...sums, model: 'many', requests: 9, failed: 0, cost_usd: 0.1 },
  ]
  expect(barsOf(report('model', data), 'requests').map(({ name }) => name)).toEqual(['many', 'few'])
  expect(barsOf(report('model', data), 'cost').map(({ name }) => name)).toEqual(['few', 'many'])
  expect(sorted(report('model', data)).map(nameOf)).toEqual(['many', 'few'])
  const days = ['2026-11-01', '2026-11-03'].map((day) => ({ ...sums, day }))
  expect(sorted(report('day', days)).map(nameOf)).toEqual(['2026-11-03', '2026-11-01'])
})

test('what reached no upstream has the same name in the plot and in the table', () => {
  const shown = (name: string, by: string) => shownName(name, { by, nobody: 'no upstream' })
  expect([shown('none', 'model'), shown('lab', 'upstream'), shown('none', 'day')]).toEqual([
    'no upstream',
    'lab',
    'none',
  ])
})
