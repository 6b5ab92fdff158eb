import { describe, expect, test } from 'bun:test'
import { LastingNeeds } from './lasting-needs.ts'
import type { FoundNeed } from './need.ts'

const finding = (more: Partial<FoundNeed> = {}): FoundNeed => ({
  kind: 'disk_full',
  severity: 'urgent',
  about: {},
  ...more,
})

test('a need has lasted since it was first found, and begins anew when it comes back', () => {
  const needs = new LastingNeeds()
  const sinceAt = (now: number, ...findings: readonly FoundNeed[]) =>
    needs.note(findings, now).map(({ since }) => since)
  expect(sinceAt(10, finding())).toEqual([10])
  expect(sinceAt(20, finding({ why: 'other words' }))).toEqual([10])
  expect(sinceAt(30)).toEqual([])
  expect(sinceAt(40, finding())).toEqual([40])
})

test('a beginning that is known is used, unless it is in the future', () => {
  const needs = new LastingNeeds()
  expect(needs.note([finding({ since: 3 })], 10)[0]?.since).toBe(3)
  expect(new LastingNeeds().note([finding({ since: 30 })], 10)[0]?.since).toBe(10)
})

describe('what often passes by itself', () => {
  const passing = finding({ settlesWithinMs: 30 })

  test('is no need until it has lasted', () => {
    const needs = new LastingNeeds()
    expect([0, 10, 29].map((now) => needs.note([passing], now).length)).toEqual([0, 0, 0])
    expect(needs.note([passing], 30)).toMatchObject([{ since: 0 }])
  })

  test('never is one if it comes and goes', () => {
    const needs = new LastingNeeds()
    const seen = Array.from({ length: 20 }, (_, look) => needs.note(look % 2 === 0 ? [passing] : [], 20 * look))
    expect(seen.flat()).toEqual([])
  })
})

test('the id stays, and differs by kind and subject', () => {
  const subjects = [
    {},
    { upstream: 'a' },
    { upstream: 'a', account: 'b' },
    { upstream: 'a', model: 'b/c' },
    { key: 'b' },
  ]
  const findings = subjects.flatMap((about) => [finding({ about }), finding({ about, kind: 'drift' })])
  const ids = new LastingNeeds().note(findings, 0).map(({ id }) => id)
  expect(new Set(ids).size).toBe(findings.length)
  expect(new LastingNeeds().note(findings, 9).map(({ id }) => id)).toEqual(ids)
})

test('the worst comes first, then the kind, then the oldest', () => {
  const needs = new LastingNeeds()
  const order = needs.note(
    [
      finding({ severity: 'note', kind: 'log_dropped' }),
      finding({ severity: 'warning', kind: 'weak_key' }),
      finding({ severity: 'urgent', kind: 'model_failing', about: { model: 'new' }, since: 5 }),
      finding({ severity: 'urgent', kind: 'model_failing', about: { model: 'old' }, since: 4 }),
      finding({ severity: 'urgent', kind: 'disk_full' }),
    ],
    9,
  )
  expect(order.map(({ kind, about }) => about.model ?? kind)).toEqual([
    'disk_full',
    'old',
    'new',
    'weak_key',
    'log_dropped',
  ])
})
