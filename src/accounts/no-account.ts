import { ChatError } from '../chat/error.ts'
import { formatUntil } from '../chat/format-until.ts'
import type { Rest } from './rest.ts'

interface Unavailable {
  readonly upstream: string
  /** The rest of each usable account; undefined for one that does not rest, and has already failed this call. */
  readonly rests: readonly (Rest | undefined)[]
  readonly dead: number
}

/** The error if no account of a pool can be used. It says until when, if the upstream has set the end of each rest. */
export function noAccountError({ upstream, rests, dead }: Unavailable, now: number): ChatError {
  const ends = rests.flatMap((rest) => (rest && rest.notBefore > now ? [rest.notBefore] : []))
  const known = rests.filter((rest) => rest !== undefined)
  if (ends.length > 0 && ends.length === rests.length)
    return usedUpError({ upstream, rests: known, until: Math.min(...ends) }, now)
  const message =
    dead > 0 && rests.length === 0
      ? 'Every account of the upstream needs a new login: `tributary doctor` shows which and why.'
      : 'No account of the upstream is left to try: `tributary doctor` shows which and why.'
  return new ChatError('unavailable', { message, code: 'no_account' })
}

interface UsedUp {
  readonly upstream: string
  readonly rests: readonly Rest[]
  /** When the first account may be asked again, in milliseconds since 1970. */
  readonly until: number
}

/** The error if every account rests. It is `quota-exhausted` only if none has credit. */
export function usedUpError({ upstream, rests, until }: UsedUp, now: number): ChatError {
  const isEmpty = rests.every(({ state }) => state.kind === 'exhausted')
  const what = rests.every(({ isLimit }) => isLimit) ? 'are used up' : 'rest'
  return new ChatError(isEmpty ? 'quota-exhausted' : 'rate-limited', {
    message: `All accounts of ${upstream} ${what} until ${formatUntil(until, now)}.`,
    retryAfterMs: Math.max(0, until - now),
  })
}
