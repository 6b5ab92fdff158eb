import type { Account } from '../../accounts/account.ts'
import type { LiveAccount } from '../../accounts/live-account.ts'
import type { Pool } from '../../accounts/pool.ts'
import { withAccount } from '../../accounts/with-account.ts'
import type { ChatError } from '../../chat/error.ts'
import { noThread, type Thread } from '../../chat/thread.ts'
import { beginAttempt, type Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import { orAbort } from '../../flow/wait.ts'
import { watch } from '../../flow/watch.ts'

/** What the retry layer gives: the accounts that have failed this call already. */
export interface Tried {
  readonly tried: Set<unknown>
}

/** What the thread layer gives, where an upstream keeps conversations: which account has this one, and what it knows of it. */
export interface Placed {
  readonly place: Place | undefined
}

interface Place {
  readonly label: string | undefined
  threadOn(label: string): Thread
}

/** What this layer gives: whom to ask with, in which thread. */
export interface Asking {
  readonly account: Account
  readonly thread: Thread
}

/** Asks with an account of the pool, its credential renewed where that is due, and tells the pool how it went. */
export function account(
  pool: Pool,
  upstream: string,
): <Needs>(next: Chat<Needs & Asking>) => Chat<Needs & Tried & Placed> {
  return (next) => (request, call) => {
    const leased = pool.pick({ tried: call.tried, preferred: call.place?.label }, call.signal)
    const ask = (account: Account) =>
      next(request, { ...call, account, thread: call.place?.threadOn(account.label) ?? noThread })
    const attempt = (live: LiveAccount) => {
      beginAttempt(call, { upstream, account: live.label })
      return told(pool, live, call, ask)
    }
    if (!(leased instanceof Promise)) return attempt(leased)
    return defer(async ({ signal }) => attempt(await orAbort(leased, signal)), call.signal)
  }
}

type Ask = (account: Account) => Flow

function told(pool: Pool, live: LiveAccount, call: Call & Tried, ask: Ask): Flow {
  let begun: Account | undefined
  const onBegun = (account: Account) => {
    begun = account
  }
  const answer = live.renewal ? living(live, { signal: call.signal, ask, onBegun }) : ask(live)
  return watch(answer, {
    ended(ending) {
      if (ending.kind === 'done') pool.reportSuccess(live)
      const isRefused = ending.kind === 'failed' && ending.error.reason === 'account-refused'
      if (begun && !isRefused) live.markServed(begun.credential)
      if (ending.kind !== 'failed') return
      const { error } = ending
      tell(call, live, error)
      if (error.meaning.account === 'unchanged') return
      // what ended in the middle of an answer is the credential, and there will be another
      if (begun && isRefused && !live.isJustReplaced(begun.credential)) return live.markExpired(begun.credential)
      pool.reportFailure(live, error)
      call.tried.add(live)
    },
  })
}

interface Living {
  readonly signal: Cancel
  readonly ask: Ask
  /** Called with the account that has shown its first event. */
  readonly onBegun: (account: Account) => void
}

/** Asked with a credential that ends: refused before its first event, the account is renewed and asked once more. */
function living(live: LiveAccount, { signal, ask, onBegun }: Living): Flow {
  return defer(
    (opening) =>
      withAccount(live, opening.signal, async (account) => {
        const begun = await opening.begin(ask(account))
        onBegun(account)
        return begun
      }),
    signal,
  )
}

function tell(call: Call, { label }: Account, error: ChatError): void {
  if (error.reason === 'cancelled') return
  call.log.debug({ account: label, err: error }, 'attempt failed')
}
