import type { ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { AccountState } from './account.ts'
import type { RestState } from './rest.ts'

/** Milliseconds since 1970. A `Date` cannot hold a later time. ECMA-262, section 21.4.1.1 */
const latestMs = 8.64e15

interface LoggedRest {
  readonly account: string
  /** The only model with which it rests. */
  readonly model: string | undefined
  readonly state: RestState
  readonly err: ChatError | undefined
}

export function logRest(log: Logger, { account, model, state: { kind, until, why }, err }: LoggedRest): void {
  const time = new Date(Math.min(until, latestMs)).toISOString()
  const cause = err ? { err } : { why }
  log.warn({ account, ...(model !== undefined && { model }), state: kind, until: time, ...cause }, 'an account rests')
}

export function logPutAside(log: Logger, account: string, state: AccountState['kind'], err: ChatError): void {
  log.warn({ account, state, err }, 'an account is put aside until it has another credential')
}
