import type { Attempt } from '../upstreams/attempt.ts'

/** Milliseconds in which what is not needed any more must be closed: law 4, and the way over the network. */
const closingMs = 200

/**
 * When an upstream has begun to answer a request, no other one works for it: the second of a hedge is closed, and a session has one
 * writer.
 * @returns who has worked at once
 */
export function judgeOneAtOnce(attempts: readonly Attempt[]): readonly string[] {
  const groups = Map.groupBy(attempts, ({ id }) => sessionIn(id) ?? id)
  return [...groups.values()].flatMap((group) => group.flatMap((one) => judgeOthers(one, group)))
}

function judgeOthers(one: Attempt, group: readonly Attempt[]): readonly string[] {
  const { begunAt } = one
  if (begunAt === undefined) return []
  const others = group.filter((other) => {
    const from = Math.max(begunAt, other.at)
    return other !== one && Math.min(endOf(one), endOf(other)) > from + closingMs
  })
  return others.map(
    (other) =>
      `${other.upstream} works for ${other.id} until ${other.endedAt}, and ${one.upstream} answers since ${begunAt}`,
  )
}

function endOf({ endedAt = Number.POSITIVE_INFINITY }: Attempt): number {
  return endedAt
}

/** The session of a turn; undefined if it is no turn. */
function sessionIn(id: string): string | undefined {
  return /^(s\d+)t\d+$/.exec(id)?.[1]
}
