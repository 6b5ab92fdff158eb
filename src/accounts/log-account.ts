import type { ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { AccountState } from './account.ts'

/** The state of an account that rests. */
export type RestState = Extract<AccountState, { readonly until: number }>

/** Milliseconds since 1970. A `Date` cannot hold a later time. ECMA-262, section 21.4.1.1 */
const latestMs = 8.64e15

export function logRest(log: Logger, account: string, { kind: state, until }: RestState, err: ChatError): void {
  const time = new Date(Math.min(until, latestMs)).toISOString()
  log.warn({ account, state, until: time, err }, 'an account rests')
}

export function logPutAside(log: Logger, account: string, state: AccountState['kind'], err: ChatError): void {
  log.warn({ account, state, err }, 'an account is put aside until it has another credential')
}
