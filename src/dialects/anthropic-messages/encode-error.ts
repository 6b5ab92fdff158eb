import type { ChatError, Reason } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'

/** Anthropic's type of each error. Its clients wait and ask again on `overloaded_error` and `rate_limit_error`. */
const types: Readonly<Record<Reason, string>> = {
  'invalid-request': 'invalid_request_error',
  unsupported: 'invalid_request_error',
  'content-filtered': 'invalid_request_error',
  unauthorized: 'authentication_error',
  forbidden: 'permission_error',
  'model-not-found': 'not_found_error',
  'not-found': 'not_found_error',
  'wrong-method': 'invalid_request_error',
  'too-slow': 'timeout_error',
  conflict: 'invalid_request_error',
  'too-large': 'request_too_large',
  'unsupported-media': 'invalid_request_error',
  'too-many-attempts': 'rate_limit_error',
  'limit-reached': 'rate_limit_error',
  'budget-spent': 'rate_limit_error',

  'account-refused': 'api_error',
  'login-needed': 'api_error',
  'account-banned': 'api_error',
  'renewal-failed': 'api_error',
  'quota-exhausted': 'rate_limit_error',
  'rate-limited': 'rate_limit_error',
  challenged: 'api_error',
  overloaded: 'overloaded_error',
  busy: 'overloaded_error',
  timeout: 'timeout_error',
  'upstream-failed': 'api_error',
  'upstream-outdated': 'api_error',

  unavailable: 'overloaded_error',
  internal: 'api_error',
  cancelled: 'api_error',
}

/** Returns the error object that every client of Anthropic's reads. Known secrets are cut out of the message. */
export function encodeError(error: ChatError, requestId: string): Fields {
  return {
    type: 'error',
    error: { type: types[error.reason], message: redact(wordsOf(error)) },
    request_id: `req_${requestId}`,
  }
}

/** Returns the HTTP status and the body of an error. */
export function encodeFailure(error: ChatError, { id }: { readonly id: string }) {
  return { status: error.meaning.status, body: encodeError(error, id) }
}

/** Claude Code shortens its conversation when it reads these words. The upstream's own words are kept, because they may have numbers. */
const tooLong = 'prompt is too long'

function wordsOf({ message, finerCode }: ChatError): string {
  return finerCode === 'context_length_exceeded' && !message.includes(tooLong) ? `${tooLong}: ${message}` : message
}
