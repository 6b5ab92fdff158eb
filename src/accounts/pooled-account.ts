import type { AccountState, AccountStatus } from './account.ts'
import type { LiveAccount } from './live-account.ts'

/** An account, with what its pool knows of it. */
export interface PooledAccount {
  readonly account: LiveAccount
  state: AccountState
  /** Whether any call has asked with it yet. */
  isUsed: boolean
  /** Whether the upstream itself said until when it does not want to be asked. */
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
