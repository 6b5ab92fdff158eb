import type { Seen } from '../clients/seen.ts'
import type { Attempt } from '../upstreams/attempt.ts'

/** Milliseconds after which an upstream must know that a client has left: law 4, and the way over the network. */
const leavingMs = 50 + 2 * 40
/** An account that refuses a request costs no attempt, up to 16 times. */
const maxAttempts = 3 + 16

/** @returns what is wrong with what upstreams were asked for one request of a client */
export function judgeAttempts({ end, endedAt, isResumable }: Seen, attempts: readonly Attempt[]): readonly string[] {
  const wrong: string[] = []
  if (attempts.length > maxAttempts) wrong.push(`was asked of upstreams ${attempts.length} times`)
  const wholeAt = attempts.find(({ isWhole }) => isWhole)?.endedAt ?? Number.POSITIVE_INFINITY
  const again = attempts.find(({ at }) => at > wholeAt)
  if (again) wrong.push(`was asked again of ${again.upstream} at ${again.at} although it was answered`)
  // the answer to a client that may come back goes on without it
  const goesOn = isResumable && end !== 'whole'
  if (end === undefined || endedAt === undefined || goesOn) return wrong
  for (const attempt of attempts) {
    if (attempt.at > endedAt + leavingMs) wrong.push(`was asked of ${attempt.upstream} at ${attempt.at}, after its end`)
    else if (attempt.endedAt === undefined || attempt.endedAt > endedAt + leavingMs)
      wrong.push(`has ended at ${endedAt}, and ${attempt.upstream} works on until ${attempt.endedAt}`)
  }
  return wrong
}
