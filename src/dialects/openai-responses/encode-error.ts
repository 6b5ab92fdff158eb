import { ChatError, type Reason } from '../../chat/error.ts'
import { redact } from '../../chat/secret.ts'

/** Codes of a failed response by which Codex stops at once, because another try would fail too. */
const final: ReadonlySet<Reason> = new Set<Reason>([
  'invalid-request',
  'unsupported',
  'content-filtered',
  'model-not-found',
  'not-found',
  'too-large',
  'login-needed',
  'account-banned',
  'challenged',
])

/** The code of the error with which a client stops its own response. */
const cancelled = 'response_cancelled'

/** Returns the error that ends a response which its client has cancelled. */
export function responseCancelled(): ChatError {
  return new ChatError('cancelled', { message: 'The response was cancelled.', code: cancelled })
}

export function wasCancelled({ code }: ChatError): boolean {
  return code === cancelled
}

/** The error of a failed response. Codex reads its code, and for how long it must wait from the message. */
export function failureOf(error: ChatError): { readonly code: string; readonly message: string } {
  const { reason, retryAfterMs, finerCode } = error
  const message = redact(error.message)
  if (finerCode === 'context_length_exceeded') return { code: finerCode, message }
  if (reason === 'quota-exhausted' || reason === 'budget-spent') return { code: 'insufficient_quota', message }
  if (reason === 'rate-limited' || reason === 'limit-reached') {
    const seconds = Math.ceil((retryAfterMs ?? error.meaning.retryAfterMs ?? 1_000) / 1_000)
    return { code: 'rate_limit_exceeded', message: `${message} Please try again in ${seconds}s.` }
  }
  return { code: final.has(reason) ? 'invalid_prompt' : 'server_error', message }
}
