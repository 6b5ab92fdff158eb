import type { AccountState, AccountStatus } from './account.ts'
import type { AccountQuota } from './account-quota.ts'
import type { LiveAccount } from './live-account.ts'
import type { ModelRests } from './model-rests.ts'
import type { Rest } from './rest.ts'

/** An account and its state in a pool. */
export interface PooledAccount {
  readonly account: LiveAccount
  state: AccountState
  /** Whether any call has used it yet. */
  isUsed: boolean
  /** Why it rests with all models; undefined if it does not. */
  rest: Rest | undefined
  /** The message of the failure after which it rests. */
  said: string | undefined
  /** Failures since the last success. */
  failures: number
  /** Its rests with single models, if there have been any. */
  models: ModelRests | undefined
  /** What its upstream has said of its limits, if anything. */
  quota: AccountQuota | undefined
}

export function newPooled(account: LiveAccount): PooledAccount {
  const unknown = { rest: undefined, said: undefined, models: undefined, quota: undefined }
  return { account, state: ok, isUsed: false, failures: 0, ...unknown }
}

export const ok: AccountState = { kind: 'ok' }

/** The rest of an account, with all models or with this one. */
export function restOf({ rest, models }: PooledAccount, model: string | undefined, now: number): Rest | undefined {
  return rest ?? (model === undefined ? undefined : models?.of(model, now))
}

export function statusOf(pooled: PooledAccount, now: number): AccountStatus {
  const { label, renewalStatus, endsAt } = pooled.account
  const quota = pooled.quota?.read(now) ?? []
  const state = stateOf(pooled, now)
  const isResting = 'until' in state
  return {
    label,
    state,
    ...(isResting && pooled.said !== undefined && { said: pooled.said }),
    ...(renewalStatus && { renewal: renewalStatus }),
    ...(endsAt !== undefined && { endsAt }),
    ...(quota.length > 0 && { quota }),
  }
}

/** An account that rests with some models only is shown as resting with them. */
function stateOf({ account, state, models }: PooledAccount, now: number): AccountState {
  if (state.kind !== 'ok') return state
  const resting = models?.resting(now) ?? []
  const [first] = resting.toSorted((a, b) => a.rest.state.until - b.rest.state.until)
  if (first) return { ...first.rest.state, models: resting.map(({ model }) => model) }
  return account.isRenewing ? { kind: 'refreshing' } : state
}
