import { redact } from './secret.ts'

/** Why a chat failed. The list is closed, and only `reasons` says what a reason means. */
export type Reason = keyof typeof reasons

interface ReasonMeaning {
  /** HTTP status of the failure, unless a dialect has its own. */
  readonly status: number
  /** Our own word for it in the log, in `doctor` and in an account's state. Clients read the words of their dialect. */
  readonly code: string
  /** Where the gateway may try again before an event has reached the client: with `any` account, only at another `upstream`, or `none`. */
  readonly retry: 'any' | 'upstream' | 'none'
  /** Whether the breaker counts it as a failure of the upstream. */
  readonly breaker: boolean
  /** What happens to the account that the call used. */
  readonly account: 'unchanged' | 'cooling' | 'refused' | 'exhausted' | 'challenged' | 'needs-login' | 'banned'
  /** Tells an SDK whether to retry: undefined leaves it to the SDK, false means that the gateway has tried everything. */
  readonly clientRetry?: boolean
  /** Milliseconds after which a client may retry, unless the error has its own time. */
  readonly retryAfterMs?: number
}

const ours = { retry: 'none', breaker: false, account: 'unchanged' } as const
const theirs = { retry: 'any', breaker: true, account: 'unchanged', clientRetry: false } as const

/**
 * The one table of reasons. It knows no dialect: each dialect maps every reason to its own words. The caller must fix the
 * first group, an upstream caused the second, and the gateway caused the third. When an upstream refuses our account
 * (`account-refused`, `quota-exhausted`), the client never gets 401, 402 or 403.
 */
export const reasons = {
  'invalid-request': { ...ours, status: 400, code: 'invalid_request' },
  unsupported: { ...ours, retry: 'upstream', status: 400, code: 'unsupported_parameter' },
  'content-filtered': { ...ours, status: 400, code: 'content_filter' },
  unauthorized: { ...ours, status: 401, code: 'invalid_api_key' },
  forbidden: { ...ours, status: 403, code: 'forbidden' },
  'model-not-found': { ...ours, retry: 'upstream', status: 404, code: 'model_not_found' },
  'not-found': { ...ours, status: 404, code: 'not_found' },
  'too-slow': { ...ours, status: 408, code: 'request_timeout' },
  conflict: { ...ours, status: 409, code: 'conflict' },
  'too-large': { ...ours, status: 413, code: 'request_too_large' },
  'unsupported-media': { ...ours, status: 415, code: 'unsupported_media_type' },
  'too-many-attempts': { ...ours, status: 429, code: 'too_many_attempts' },

  'account-refused': {
    ...theirs,
    breaker: false,
    account: 'refused',
    status: 502,
    code: 'upstream_auth',
  },
  // only when the service itself proves that this credential will never be valid again
  'login-needed': {
    ...theirs,
    breaker: false,
    account: 'needs-login',
    status: 502,
    code: 'upstream_login_needed',
  },
  'account-banned': {
    ...theirs,
    breaker: false,
    account: 'banned',
    status: 502,
    code: 'upstream_banned',
  },
  // the account itself may be fine: only its next credential could not be obtained
  'renewal-failed': {
    ...theirs,
    breaker: false,
    account: 'cooling',
    status: 502,
    code: 'upstream_renewal',
  },
  'quota-exhausted': {
    ...theirs,
    breaker: false,
    account: 'exhausted',
    status: 429,
    code: 'insufficient_quota',
  },
  'rate-limited': {
    ...theirs,
    breaker: false,
    account: 'cooling',
    retryAfterMs: 30_000,
    status: 429,
    code: 'rate_limit_exceeded',
  },
  challenged: {
    ...theirs,
    breaker: false,
    account: 'challenged',
    status: 502,
    code: 'upstream_blocked',
  },
  overloaded: {
    ...theirs,
    retryAfterMs: 5_000,
    status: 503,
    code: 'upstream_overloaded',
  },
  busy: { ...theirs, breaker: false, status: 503, code: 'upstream_busy' },
  timeout: { ...theirs, status: 504, code: 'upstream_timeout' },
  'upstream-failed': { ...theirs, status: 502, code: 'upstream_error' },
  'upstream-outdated': {
    ...theirs,
    retry: 'none',
    breaker: false,
    status: 502,
    code: 'upstream_protocol',
  },

  unavailable: { ...ours, retryAfterMs: 1_000, status: 503, code: 'overloaded' },
  internal: { ...ours, status: 500, code: 'internal_error' },
  cancelled: { ...ours, status: 499, code: 'client_closed' },
} as const satisfies Record<string, ReasonMeaning>

export function isReason(text: unknown): text is Reason {
  return typeof text === 'string' && Object.hasOwn(reasons, text)
}

export interface ChatErrorOptions {
  /** What happened and what to do. Never a secret, never an upstream's HTML. */
  readonly message: string
  /** More precise than the reason's code, in the words that clients look for. It is not redacted here, since an operator's key may be one of its words. Callers that quote an upstream must redact it. */
  readonly code?: string
  /** Whether `code` quotes an upstream, so that it may be any text. */
  readonly isCodeQuoted?: boolean
  /** The field of the request that is at fault, as the client spelled it: `messages[0].content`. */
  readonly param?: string
  /** Milliseconds from now after which a retry makes sense. */
  readonly retryAfterMs?: number
  /** The upstream's HTTP status, if it sent one. */
  readonly upstreamStatus?: number
  readonly cause?: unknown
}

/** The only error that the program throws on purpose. Known secrets are cut out of its message, which may quote an upstream. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly reason: Reason
  /** The code it was created with, or the code of its reason. */
  readonly code: string
  /** The code it was created with. Every dialect passes it on. */
  readonly finerCode: string | undefined
  /** The code for the log. It never quotes an upstream. */
  readonly ownCode: string
  readonly param: string | undefined
  readonly retryAfterMs: number | undefined
  readonly upstreamStatus: number | undefined

  constructor(reason: Reason, options: ChatErrorOptions) {
    super(redact(options.message), { cause: options.cause })
    this.reason = reason
    this.finerCode = options.code
    this.code = options.code ?? reasons[reason].code
    this.ownCode = options.isCodeQuoted ? reasons[reason].code : this.code
    this.param = options.param === undefined ? undefined : redact(options.param)
    this.retryAfterMs = options.retryAfterMs
    this.upstreamStatus = options.upstreamStatus
  }

  /** The row of the table for this error's reason. */
  get meaning(): ReasonMeaning {
    return reasons[this.reason]
  }
}

/** Returns any thrown value as a ChatError. Any other error is our own bug, and clients do not see its text. */
export function asChatError(thrown: unknown): ChatError {
  if (thrown instanceof ChatError) return thrown
  return new ChatError('internal', {
    message: 'The gateway failed. Its log has the details under this request id.',
    cause: thrown,
  })
}
