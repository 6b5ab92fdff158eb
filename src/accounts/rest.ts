import type { ChatError } from '../chat/error.ts'
import { lastToEnd, type QuotaWindow } from '../chat/quota.ts'
import type { AccountState } from './account.ts'
import { restMs } from './rest-ms.ts'

/** The state of an account that rests. */
export type RestState = Extract<AccountState, { readonly until: number }>

/** Why an account rests that the operator has put to rest. */
export const byOperator = 'rested_by_operator'

/** A rest of an account. */
export interface Rest {
  readonly state: RestState
  /** From this time on it may be used all the same, if nothing else is left. Milliseconds since 1970 */
  readonly notBefore: number
  /** Whether a limit was reached. Otherwise a session broke, or the account was challenged. */
  readonly isLimit: boolean
  /** Whether the operator has put it to rest. Only the operator ends such a rest early. */
  readonly isByOperator?: true
}

/** Whether a failure says that the account has reached a limit. */
function isLimit({ reason }: ChatError): boolean {
  return reason === 'rate-limited' || reason === 'quota-exhausted'
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** A shorter rest would be over before the call has asked the pool again, and another account would evade the limit. */
const minRestMs = 100

/** The rest after a failure. A rest that the upstream did not set is a guess, and a guess must not cause an outage. */
export function restAfter(error: ChatError, failures: number, now: number): Rest | undefined {
  const { account: kind } = error.meaning
  if (kind === 'unchanged' || kind === 'needs-login' || kind === 'banned') return undefined
  const statedMs = error.retryAfterMs === undefined ? undefined : Math.max(error.retryAfterMs, minRestMs)
  const until = now + (statedMs ?? restMs(kind, failures, now))
  const notBefore = error.retryAfterMs === undefined ? Number.NEGATIVE_INFINITY : until
  return { state: { kind, until, why: error.code }, notBefore, isLimit: isLimit(error) }
}

/** A rest that the operator wants. The account is not used at all until its end, in milliseconds since 1970. */
export function restByOperator(until: number): Rest {
  return {
    state: { kind: 'cooling', until, why: byOperator },
    notBefore: until,
    isLimit: false,
    isByOperator: true,
  }
}

/** Milliseconds until a limit that the gateway only guessed at is tried again: ten minutes, doubled up to an hour. */
export function recheckMs(failures: number): number {
  return Math.min(10 * minuteMs * 2 ** (failures - 1), hourMs)
}

/** The rest of an account whose upstream says that nothing is left; undefined if something is. */
export function restUntilReset(windows: readonly QuotaWindow[], now: number): Rest | undefined {
  const last = lastToEnd(windows, now)
  if (!last) return undefined
  const { until, notBefore, window } = last
  const kind = until - now > hourMs ? 'exhausted' : 'cooling'
  return { state: { kind, until, why: `no_${window.unit}_left` }, notBefore, isLimit: true }
}
