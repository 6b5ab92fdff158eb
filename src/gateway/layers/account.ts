import type { Account } from '../../accounts/account.ts'
import type { Pool } from '../../accounts/pool.ts'
import type { Call } from '../../chat/call.ts'
import type { Chat } from '../../chat/chat.ts'
import type { ChatError } from '../../chat/error.ts'
import { watch } from '../../chat/watch.ts'

/** What the retry layer gives: the accounts that have failed this call already. */
export interface Tried {
  readonly tried: Set<unknown>
}

/** Asks with an account of the pool, and tells the pool how it went. */
export function account(
  pool: Pool,
  upstream: string,
): <Needs>(next: Chat<Needs & { account: Account }>) => Chat<Needs & Tried> {
  return (next) => (request, call) => {
    const leased = pool.lease(call.tried)
    call.receipt.upstream = upstream
    call.receipt.attempts++
    return watch(next(request, { ...call, account: leased }), {
      ended(ending) {
        if (ending.kind === 'done') pool.succeeded(leased)
        if (ending.kind !== 'failed') return
        const { error } = ending
        tell(call, leased, error)
        if (error.meaning.account === 'unchanged') return
        pool.failed(leased, error)
        call.tried.add(leased)
      },
    })
  }
}

function tell(call: Call, { label }: Account, error: ChatError): void {
  if (error.reason === 'cancelled') return
  call.log.debug(
    { account: label, code: error.code, upstreamStatus: error.upstreamStatus, why: error.message },
    'attempt failed',
  )
}
