/**
 * A price that grows with the input of the whole request: what it is at first, then for each step the number of input tokens
 * above which it begins, and the price from there on.
 */
export type Tiers = readonly number[]

/** US dollars per million tokens, unless said otherwise. What is absent costs as much as `input` or `output`. */
export interface Rates {
  readonly input?: number | Tiers
  /** What was read from a cache. */
  readonly cached?: number | Tiers
  /** What was written to a cache for some minutes. */
  readonly write?: number | Tiers
  /** What was written to a cache for an hour. */
  readonly write1h?: number | Tiers
  readonly output?: number | Tiers
  readonly reasoning?: number | Tiers
  /** US dollars for each request, in addition. */
  readonly request?: number
}

/** Rates that count from a day on, or at these hours of each day. */
export interface TimedRates extends Rates {
  /** The first day, in UTC: `2026-08-17`. */
  readonly from?: string
  /** Seconds since midnight in UTC: from, up to but not including. The second may be less than the first. */
  readonly hours?: readonly [from: number, to: number]
}

/** The rates of a model: the last that count at a time are its rates then. */
export type RateList = readonly TimedRates[]

const daySeconds = 86_400

/** Returns the rates of a time, in milliseconds since 1970. */
export function ratesAt(list: RateList, at: number): Rates | undefined {
  return list.findLast((rates) => isInForce(rates, at)) ?? list[0]
}

function isInForce({ from, hours }: TimedRates, at: number): boolean {
  if (from !== undefined && at < Date.parse(from)) return false
  if (!hours) return true
  const [start, end] = hours
  const second = (at / 1000) % daySeconds
  return end < start ? second >= start || second < end : second >= start && second < end
}
