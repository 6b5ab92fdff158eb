import type { UsageLine, UsageReport, UsageSums } from './types.ts'
import { daysBetween } from './usage-query.ts'

export const metrics = ['requests', 'input', 'output', 'cost'] as const
export type Metric = (typeof metrics)[number]

/** A bar of two parts, one on the other. */
export interface Bar {
  readonly name: string
  readonly parts: readonly [number, number]
}

/** The two parts of which each metric is the sum. */
const partsOf: Readonly<Record<Metric, (sums: UsageSums) => readonly [number, number]>> = {
  requests: ({ requests, failed }) => [requests - failed, failed],
  input: ({ input_tokens, cached_tokens }) => [input_tokens - cached_tokens, cached_tokens],
  output: ({ output_tokens, reasoning_tokens }) => [Math.max(0, output_tokens - reasoning_tokens), reasoning_tokens],
  cost: ({ cost_usd }) => [cost_usd ?? 0, 0],
}

/** The bars of a report: each day, also those without a line; or the other lines, the longest first. */
export function barsOf({ by, from, to, data }: UsageReport, metric: Metric): readonly Bar[] {
  const bars = data.map((line) => ({ name: nameOf(line), parts: partsOf[metric](line) }))
  if (by !== 'day') return bars.sort((a, b) => sizeOf(b) - sizeOf(a))
  const known = new Map(bars.map((bar) => [bar.name, bar]))
  return daysBetween(from, to).map((name) => known.get(name) ?? { name, parts: [0, 0] })
}

export function sizeOf({ parts: [first, second] }: Bar): number {
  return first + second
}

/** The share of the input that came from caches, as far as the upstreams say; null if none says it. */
export function cachedShare({ cached_tokens, missed_tokens }: UsageSums): number | null {
  const known = cached_tokens + missed_tokens
  return known > 0 ? cached_tokens / known : null
}

/** What the line is about. */
export function nameOf({ day, model, upstream, key }: UsageLine): string {
  return day ?? model ?? upstream ?? key ?? ''
}

/** The name as a reader sees it: requests that reached no upstream are counted as `none`. @param nobody what stands for it */
export function shownName(name: string, { by, nobody }: { readonly by: string; readonly nobody: string }): string {
  return by !== 'day' && name === 'none' ? nobody : name
}

/** The lines in the order of the table: the newest day, or the one with the most requests, first. */
export function sorted({ by, data }: UsageReport): readonly UsageLine[] {
  return by === 'day' ? data.toReversed() : data.toSorted((a, b) => b.requests - a.requests)
}
