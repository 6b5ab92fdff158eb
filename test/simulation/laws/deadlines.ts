import type { Seen } from '../clients/seen.ts'
import { deadlineSeconds } from '../plan.ts'
import type { Attempt } from '../upstreams/attempt.ts'

/** Milliseconds that the way to an upstream and back takes at most, with a new connection. */
const wayMs = 200

/** @returns which upstreams were waited for although they said nothing */
export function judgeDeadlines(attempts: readonly Attempt[], seen: readonly Seen[]): readonly string[] {
  // the time of a slow client does not count for its upstream
  const slow = new Set(seen.filter(({ isSlow }) => isSlow).map(({ wish }) => wish.id))
  return attempts.flatMap((attempt) => {
    const { id, upstream, at, sentAt, endedAt = Number.POSITIVE_INFINITY } = attempt
    const latest = latestEnd(attempt)
    if (slow.has(id) || endedAt <= latest) return []
    return [
      `${id} was asked of ${upstream} at ${at}, which said the last at ${sentAt}, and was left only at ${endedAt}`,
    ]
  })
}

function latestEnd({ isStreamed, at, sentAt, manner }: Attempt): number {
  if (sentAt !== undefined && manner === 'stall') return sentAt + deadlineSeconds.idle * 1_000 + wayMs
  // the first text of a stream, or all of a whole answer
  return !isStreamed || sentAt === undefined ? at + deadlineSeconds.begin * 1_000 + wayMs : Number.POSITIVE_INFINITY
}
