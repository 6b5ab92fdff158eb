import { LiveAccount } from '../accounts/live-account.ts'
import type { AddedCredential } from '../api/exchange/credential-admin.ts'
import { ChatError, type Reason } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import { examine } from '../gateway/examine.ts'
import type { Store } from '../state/store.ts'
import type { ChangedUpstream } from './find-changes.ts'

export interface TestOptions {
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds for one account. */
  readonly deadlineMs: number
}

/** The upstream has refused the account itself, so its credential is of no use. */
const refusals: ReadonlySet<Reason> = new Set(['account-refused', 'login-needed', 'account-banned'])

/**
 * Tests the accounts that a change adds, or else the first account of the upstream, with one short request. What a renewal gives on
 * the way is in the store, so the account goes on with it afterwards.
 */
export async function testChange({ upstream, added }: ChangedUpstream, options: TestOptions): Promise<AddedCredential> {
  const accounts = added.length > 0 ? added : upstream.accounts.slice(0, 1)
  const findings = await examine({ ...upstream, accounts }, options)
  const test = findings.find(({ error }) => error) ?? findings[0]
  if (!test) throw new ChatError('internal', { message: 'The upstream has no account to test.' })
  return { upstream: upstream.name, accounts: accounts.map(({ label }) => label), test }
}

interface Judgement {
  /** Whether a credential is kept of which the test says nothing. */
  readonly isForced: boolean
  /** The variable to name in the error. */
  readonly variable: string
}

/** @throws ChatError if the upstream has refused the account, or if the test says nothing of it and that is not accepted */
export function judgeTest({ upstream, test: { error } }: AddedCredential, { isForced, variable }: Judgement): void {
  if (!error) return
  if (refusals.has(error.reason))
    throw new ChatError('invalid-request', {
      message: `${upstream} refuses this account, so nothing was kept. ${error.message}`,
      code: 'credential_refused',
      param: variable,
      cause: error,
    })
  if (isForced) return
  throw new ChatError('invalid-request', {
    message: `The account could not be tested, so nothing was kept. ${error.message} It can be kept untested, with force.`,
    code: 'credential_not_tested',
    param: variable,
    cause: error,
  })
}

/**
 * Deletes what the test has stored of accounts that the service has refused for good. A session that was renewed and may still be
 * valid stays: the text that the operator has is used up.
 */
export async function forgetDead({ upstream, added }: ChangedUpstream, options: TestOptions): Promise<void> {
  for (const account of added) {
    const live = new LiveAccount(account, { ...options, upstream: upstream.name })
    if (await live.findProof()) await live.deleteStored()
  }
}
