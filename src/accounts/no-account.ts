import { ChatError } from '../chat/error.ts'
import type { RestingAccounts } from './resting-accounts.ts'

interface Unavailable {
  /** The number of usable accounts, which have already failed this call. */
  readonly ready: number
  readonly resting: RestingAccounts
  readonly dead: number
}

/**
 * The error if no account of a pool can be used. It is `rate-limited` if all usable accounts rest, and the upstream
 * has set the end of each rest.
 */
export function noAccountError({ ready, resting, dead }: Unavailable): ChatError {
  const isStated = resting.values().every(({ isRestStated }) => isRestStated)
  if (ready === 0 && resting.size > 0 && isStated) {
    const retryAfterMs = resting.endsInMs()
    return new ChatError('rate-limited', {
      message: 'The upstream limits the rate of requests.',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }
  const isDead = dead > 0 && ready + resting.size === 0
  const message = isDead
    ? 'Every account of the upstream needs a new login: `tributary doctor` shows which and why.'
    : 'No account of the upstream is left to try: `tributary doctor` shows which and why.'
  return new ChatError('unavailable', { message, code: 'no_account' })
}
