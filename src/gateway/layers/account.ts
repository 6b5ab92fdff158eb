import type { Account } from '../../accounts/account.ts'
import type { Pool } from '../../accounts/pool.ts'
import type { Call } from '../../chat/call.ts'
import type { Chat } from '../../chat/chat.ts'
import { asChatError, type ChatError } from '../../chat/error.ts'

/** What the retry layer gives: the accounts that have failed this call already. */
export interface Tried {
  readonly tried: Set<unknown>
}

/** Asks with an account of the pool, and tells the pool how it went. */
export function account(
  pool: Pool,
  upstream: string,
): <Needs>(next: Chat<Needs & { account: Account }>) => Chat<Needs & Tried> {
  return (next) =>
    async function* (request, call) {
      const leased = pool.lease(call.tried)
      call.receipt.upstream = upstream
      call.receipt.attempts++
      try {
        yield* next(request, { ...call, account: leased })
        pool.succeeded(leased)
      } catch (thrown) {
        const error = asChatError(thrown)
        if (error.meaning.account !== 'unchanged') {
          pool.failed(leased, error)
          call.tried.add(leased)
        }
        tell(call, leased, error)
        throw error
      }
    }
}

function tell(call: Call, { label }: Account, error: ChatError): void {
  if (error.reason === 'cancelled') return
  call.log.debug(
    { account: label, code: error.code, upstreamStatus: error.upstreamStatus, why: error.message },
    'attempt failed',
  )
}
