/** What is counted. A nano is a thousand millionth of a US dollar. Stored pages name none of these, so their order must stay. */
const countNames = [
  'requests',
  /** Requests that ended with an error. One that its client left has not failed. */
  'failed',
  /** Answers of upstreams: several for a request to a panel, or with tools. */
  'answers',
  'inputTokens',
  'cachedTokens',
  /** Input that was not read from a cache, at upstreams that say what was. */
  'missedTokens',
  'cacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'costNanos',
  /** Answers whose cost is unknown. */
  'unknownCosts',
  /** Answers whose tokens are estimated. */
  'estimates',
  'savedNanos',
] as const

export type CountName = (typeof countNames)[number]

export type Counts = Readonly<Partial<Record<CountName, number>>>

/** Adds counts of the same things. Those that are absent are zero. */
export function addCounts(a: Counts, b: Counts): Counts {
  return Object.fromEntries(countNames.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]))
}

export function toNumbers(counts: Counts): readonly number[] {
  return countNames.map((name) => counts[name] ?? 0)
}

/** @param numbers fewer than are known now, if an older version has written them */
export function fromNumbers(numbers: readonly number[]): Counts {
  return Object.fromEntries(countNames.map((name, at) => [name, numbers[at] ?? 0]))
}
