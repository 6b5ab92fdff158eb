import { ChatError } from '../chat/error.ts'
import type { RestingAccounts } from './resting-accounts.ts'

interface Unavailable {
  /** Accounts that may be asked, but have failed this call already. */
  readonly ready: number
  readonly resting: RestingAccounts
  readonly dead: number
}

/** Why no account of a pool can be asked: `rate-limited` where all rest at their upstream's word. */
export function noAccountError({ ready, resting, dead }: Unavailable): ChatError {
  const isStated = resting.values().every(({ isRestStated }) => isRestStated)
  if (ready === 0 && resting.size > 0 && isStated) {
    const retryAfterMs = resting.endsInMs()
    return new ChatError('rate-limited', {
      message: 'The upstream limits how often it may be asked.',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }
  const isDead = dead > 0 && ready + resting.size === 0
  const message = isDead
    ? 'Every account of the upstream needs a new login: `tributary doctor` says which and why.'
    : 'No account of the upstream is left to try: `tributary doctor` says which and why.'
  return new ChatError('unavailable', { message, code: 'no_account' })
}
