import { expect, test } from 'bun:test'
import { daysBetween, pathOf, periodNames, periodOf, readQuery } from './usage-query.ts'

const now = Date.parse('2026-03-01T00:30:00Z')

test('each period ends today', () => {
  const periods = Object.fromEntries(periodNames.map((name) => [name, Object.values(periodOf(name, now)).join(' ')]))
  expect(periods).toEqual({
    today: '2026-03-01 2026-03-01',
    week: '2026-02-23 2026-03-01',
    month: '2026-01-31 2026-03-01',
    thisMonth: '2026-03-01 2026-03-01',
    year: '2025-03-02 2026-03-01',
  })
})

test('the address says what is shown, and what it does not say is left to the gateway', () => {
  expect(readQuery(new URLSearchParams('by=model&from=2026-01-01&to=&key=phone'))).toEqual({
    by: 'model',
    from: '2026-01-01',
    key: 'phone',
  })
  expect(readQuery(new URLSearchParams('by=constructor'))).toEqual({ by: 'day' })
})

test('a named key asks for its own usage, without a name', () => {
  const query = { by: 'day', from: '2026-01-01', key: 'a&b=c' } as const
  expect(pathOf(query, false, 'csv')).toBe('/admin/usage?by=day&from=2026-01-01&key=a%26b%3Dc&format=csv')
  expect(pathOf(query, true)).toBe('/v1/usage?by=day&from=2026-01-01')
})

test('the days between two days have both, and leap days', () => {
  expect(daysBetween('2028-02-28', '2028-03-01')).toEqual(['2028-02-28', '2028-02-29', '2028-03-01'])
  expect(daysBetween('2026-01-02', '2026-01-01')).toEqual([])
  expect(daysBetween('0001-01-01', '2026-01-01')).toHaveLength(1_000)
})
