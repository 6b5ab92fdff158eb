import type { ChatError, Reason } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { redact } from '../../chat/secret.ts'

/** The words of OpenAI's clients for a reason. */
interface ErrorWords {
  /** `error.type` */
  readonly type: string
  /** `error.code`, unless the error has a more precise one. */
  readonly code: string
}

const invalid = 'invalid_request_error'
const upstream = 'upstream_error'

/** OpenAI's words for every reason. The statuses stand in the table of reasons. */
export const words: Readonly<Record<Reason, ErrorWords>> = {
  'invalid-request': { type: invalid, code: 'invalid_request' },
  unsupported: { type: invalid, code: 'unsupported_parameter' },
  'content-filtered': { type: invalid, code: 'content_filter' },
  unauthorized: { type: invalid, code: 'invalid_api_key' },
  forbidden: { type: invalid, code: 'forbidden' },
  'model-not-found': { type: invalid, code: 'model_not_found' },
  'not-found': { type: invalid, code: 'not_found' },
  'wrong-method': { type: invalid, code: 'method_not_allowed' },
  'too-slow': { type: invalid, code: 'request_timeout' },
  conflict: { type: invalid, code: 'conflict' },
  'too-large': { type: invalid, code: 'request_too_large' },
  'unsupported-media': { type: invalid, code: 'unsupported_media_type' },
  'too-many-attempts': { type: 'rate_limit_error', code: 'too_many_attempts' },
  'limit-reached': { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  'budget-spent': { type: 'insufficient_quota', code: 'budget_exceeded' },

  'account-refused': { type: upstream, code: 'upstream_auth' },
  'login-needed': { type: upstream, code: 'upstream_login_needed' },
  'account-banned': { type: upstream, code: 'upstream_banned' },
  'renewal-failed': { type: upstream, code: 'upstream_renewal' },
  'quota-exhausted': { type: 'insufficient_quota', code: 'insufficient_quota' },
  'rate-limited': { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  challenged: { type: upstream, code: 'upstream_blocked' },
  overloaded: { type: 'service_unavailable_error', code: 'upstream_overloaded' },
  busy: { type: upstream, code: 'upstream_busy' },
  timeout: { type: upstream, code: 'upstream_timeout' },
  'upstream-failed': { type: upstream, code: 'upstream_error' },
  'upstream-outdated': { type: upstream, code: 'upstream_protocol' },

  unavailable: { type: 'service_unavailable_error', code: 'overloaded' },
  internal: { type: 'server_error', code: 'internal_error' },
  cancelled: { type: 'cancelled', code: 'client_closed' },
}

/** Returns the members of OpenAI's error object. Known secrets are cut out of the message. */
export function describeError({ reason, message, param, finerCode }: ChatError): ErrorWords & Fields {
  const { type, code } = words[reason]
  return { message: redact(message), type, param: param ?? null, code: finerCode ?? code }
}

/** Returns the HTTP status and the body of an error. */
export function encodeFailure(error: ChatError): { readonly status: number; readonly body: Fields } {
  return { status: error.meaning.status, body: encodeError(error) }
}

/** Returns the error object that every OpenAI client reads. */
export function encodeError(error: ChatError): Fields {
  return { error: describeError(error) }
}
