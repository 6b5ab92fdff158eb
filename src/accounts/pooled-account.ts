import type { AccountState, AccountStatus } from './account.ts'
import type { LiveAccount } from './live-account.ts'

/** An account and its state in a pool. */
export interface PooledAccount {
  readonly account: LiveAccount
  state: AccountState
  /** Whether any call has used it yet. */
  isUsed: boolean
  /** Whether the upstream itself has set the end of its rest. */
  isRestStated: boolean
  /** Failures since the last success. */
  failures: number
}

export function statusOf({ account, state }: PooledAccount): AccountStatus {
  const { label, isRenewing, renewalStatus } = account
  return {
    label,
    state: isRenewing && state.kind === 'ok' ? { kind: 'refreshing' } : state,
    ...(renewalStatus && { renewal: renewalStatus }),
  }
}
