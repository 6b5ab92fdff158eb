import type { Seen } from '../clients/seen.ts'
import { type Plan, tightKey } from '../plan.ts'
import type { Attempt } from '../upstreams/attempt.ts'

interface Limited {
  readonly seen: readonly Seen[]
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>
  readonly plan: Plan
}

/** `concurrent` in client-keys.json. */
const tightLimit = 2

/** @returns which limits of calls at once were exceeded */
export function judgeLimits({ seen, attempts, plan }: Limited): readonly string[] {
  const most = (ones: readonly Seen[]) => mostAtOnce(ones.flatMap((one) => timesOf(one, attempts.get(one.wish.id))))
  const wrong: string[] = []
  const tight = most(seen.filter(({ key }) => key === tightKey))
  // without the store each process keeps to the limit alone
  if (!plan.hasStoreFaults && tight > tightLimit)
    wrong.push(`the key with ${tightLimit} calls at once has had ${tight}`)
  const maxStreams = Number(plan.variables.MAX_STREAMS ?? Number.POSITIVE_INFINITY)
  for (const [process, ones] of Map.groupBy(seen, (one) => one.process)) {
    const count = most(ones)
    if (process && count > maxStreams)
      wrong.push(`${process.name} has run ${count} calls, with MAX_STREAMS ${maxStreams}`)
  }
  return wrong
}

type Span = readonly [from: number, to: number]

/** The time in which upstreams worked for a request: from the first attempt to the end of the last, or of the client. */
function timesOf(
  { endedAt = Number.POSITIVE_INFINITY, process }: Seen,
  attempts: readonly Attempt[] = [],
): readonly Span[] {
  if (attempts.length === 0) return []
  const from = Math.min(...attempts.map(({ at }) => at))
  const to = Math.max(...attempts.map((attempt) => attempt.endedAt ?? Number.POSITIVE_INFINITY))
  return [[from, Math.min(to, endedAt, process?.endedAt ?? Number.POSITIVE_INFINITY)]]
}

function mostAtOnce(spans: readonly Span[]): number {
  const steps = spans.flatMap(([from, to]): Span[] =>
    to > from
      ? [
          [from, 1],
          [to, -1],
        ]
      : [],
  )
  let now = 0
  let most = 0
  // what ends at a moment ends before what begins at it
  for (const [, step] of steps.toSorted(([a, up], [b, other]) => a - b || up - other)) {
    now += step
    most = Math.max(most, now)
  }
  return most
}
