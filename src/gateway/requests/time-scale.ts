/** Buckets in which a time doubles. One is a fifth wider than the one before. */
const perDoubling = 4
/** Doublings of a millisecond that are told apart: up to 9 minutes. */
const doublings = 19
/** Times are counted in buckets on a scale of logarithms, so that a few numbers hold the times of any number of requests. */
export const timeBuckets = 1 + perDoubling * doublings

/** Half of the requests were at least as quick as `p50`, and 95 % as quick as `p95`. In milliseconds, within about a tenth. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
}

export function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0
  return Math.min(timeBuckets - 1, 1 + Math.floor(Math.log2(ms) * perDoubling))
}

/** @returns undefined if nothing was counted */
export function percentilesOf(counts: ArrayLike<number>): Percentiles | undefined {
  let total = 0
  for (let bucket = 0; bucket < counts.length; bucket++) total += counts[bucket] ?? 0
  if (total === 0) return undefined
  return { p50: percentile(counts, total * 0.5), p95: percentile(counts, total * 0.95) }
}

/** The middle of the bucket in which so many are reached. */
function percentile(counts: ArrayLike<number>, wanted: number): number {
  let reached = 0
  for (let bucket = 0; bucket < counts.length; bucket++) {
    reached += counts[bucket] ?? 0
    if (reached >= wanted) return middleOf(bucket)
  }
  return middleOf(counts.length - 1)
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 1 : Math.round(2 ** ((bucket - 0.5) / perDoubling))
}
