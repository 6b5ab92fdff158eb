import { ChatError, type Reason } from '../chat/error.ts'

/** What the code of a peer's close frame means. RFC 6455, section 7.4.1; by custom, 4401 means HTTP's 401. */
const meaningOf: Readonly<Record<number, { readonly reason: Reason; readonly code: string; readonly words: string }>> =
  {
    1008: { reason: 'account-refused', code: 'upstream_auth_expired', words: "refused the gateway's account" },
    4401: { reason: 'account-refused', code: 'upstream_auth_expired', words: "refused the gateway's account" },
    1013: { reason: 'overloaded', code: 'upstream_overloaded', words: 'is overloaded' },
  }

/** The error for a peer's close frame. */
export function closeError(status: number): ChatError {
  const meaning = meaningOf[status]
  if (!meaning) return disconnected(`The upstream closed its connection (code ${status}).`)
  const { reason, code, words } = meaning
  return new ChatError(reason, { message: `The upstream ${words} and closed its connection (code ${status}).`, code })
}

/** The error for a WebSocket that has ended. */
export function disconnected(message: string): ChatError {
  return new ChatError('upstream-failed', { message, code: 'upstream_disconnected' })
}

/** The error for a peer that sends too much. @param what completes "The upstream sent …" */
export function tooMuch(reason: Reason, what: string): ChatError {
  return new ChatError(reason, { message: `The upstream sent ${what}.`, code: 'upstream_response_too_large' })
}
