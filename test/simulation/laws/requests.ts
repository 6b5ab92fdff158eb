import type { Seen } from '../clients/seen.ts'
import type { Plan } from '../plan.ts'
import type { Attempt } from '../upstreams/attempt.ts'
import { judgeAnswer } from './answers.ts'
import { judgeAttempts } from './attempts.ts'
import { judgeLimits } from './limits.ts'
import { judgeSecrets } from './secrets.ts'

export interface Evidence {
  readonly seen: readonly Seen[]
  readonly attempts: readonly Attempt[]
  readonly plan: Plan
}

/** @returns what is wrong with the answers, and with what upstreams were asked for them */
export function judgeRequests({ seen, attempts, plan }: Evidence): readonly string[] {
  const byWish = Map.groupBy(attempts, ({ id }) => id)
  const each = seen.flatMap((one) => {
    const own = (byWish.get(one.wish.id) ?? []).toSorted((a, b) => a.at - b.at)
    if (!one.process) return own.length === 0 ? [] : [`${one.wish.id} was asked of nobody, and of an upstream`]
    const complaints = one.complaint !== undefined && !hasEnded(one) ? [one.complaint] : []
    const wrong = [
      ...complaints,
      ...judgeAnswer(one, own, hasEnded(one)),
      ...judgeAttempts(one, own),
      ...judgeSecrets(one.body),
    ]
    return wrong.map((line) => `${one.wish.id} of ${one.model} at ${one.process?.name} ${line}`)
  })
  return [...each, ...judgeLimits({ seen, attempts: byWish, plan })]
}

/** Whether the process ended before the answer did, or refused all connections because it was about to. */
function hasEnded({ process, status, endedAt = 0 }: Seen): boolean {
  if (process?.isStopping && status === undefined) return true
  return process?.endedAt !== undefined && process.endedAt <= endedAt
}
