import { type Dimension, dimensions } from './types.ts'

/** What the report is about. What is absent is as the gateway has it: by day, the last 30 days. */
export interface UsageQuery {
  readonly by: Dimension
  readonly from?: string
  readonly to?: string
  readonly key?: string
}

const dayMs = 86_400_000

export function readQuery(query: URLSearchParams): UsageQuery {
  const [from, to, key] = ['from', 'to', 'key'].map((name) => query.get(name) ?? '')
  return {
    by: dimensions.find((one) => one === query.get('by')) ?? 'day',
    ...(from && { from }),
    ...(to && { to }),
    ...(key && { key }),
  }
}

/** The path of the report. @param isOwn whether only that of the own key may be asked for */
export function pathOf({ by, from, to, key }: UsageQuery, isOwn: boolean, format?: 'csv'): string {
  const parts = { by, from, to, key: isOwn ? undefined : key, format }
  const set = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return `${isOwn ? '/v1/usage' : '/admin/usage'}?${new URLSearchParams(set)}`
}

export const periodNames = ['today', 'week', 'month', 'thisMonth', 'year'] as const
export type PeriodName = (typeof periodNames)[number]

const lengths: Readonly<Record<Exclude<PeriodName, 'thisMonth'>, number>> = { today: 1, week: 7, month: 30, year: 365 }

/** The days of a period that ends today, by UTC. */
export function periodOf(name: PeriodName, now: number): { readonly from: string; readonly to: string } {
  const to = dayOf(now)
  if (name === 'thisMonth') return { from: `${to.slice(0, 8)}01`, to }
  return { from: dayOf(now - (lengths[name] - 1) * dayMs), to }
}

/** The day of a time, by UTC. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** Every day from one to another, both included. */
export function daysBetween(from: string, to: string): readonly string[] {
  const [first, last] = [Date.parse(from), Date.parse(to)]
  const count = Math.min(maxDays, Math.max(0, Math.round((last - first) / dayMs) + 1))
  return Array.from({ length: count }, (_, at) => dayOf(first + at * dayMs))
}

const maxDays = 1_000
