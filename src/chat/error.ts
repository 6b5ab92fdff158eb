import { redact } from './secret.ts'

/** Why a chat failed. The list is closed, and only `reasons` says what a reason means. */
export type Reason = keyof typeof reasons

interface ReasonMeaning {
  /** HTTP status of the failure, unless a dialect has its own. */
  readonly status: number
  /** Our own word for it in the log, in `doctor` and in an account's state. Clients read the words of their dialect. */
  readonly code: string
  /** Where the gateway may retry while the client has received no event: with `any` account, only at another `upstream`, or nowhere (`none`). */
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

/** The defaults of a reason that a client or the gateway causes. */
const ownDefaults = { retry: 'none', breaker: false, account: 'unchanged' } as const
/** The defaults of a reason that an upstream causes. */
const upstreamDefaults = { retry: 'any', breaker: true, account: 'unchanged', clientRetry: false } as const

/**
 * The one table of reasons. It knows no dialect: each dialect maps every reason to its own words. The first group is for
 * requests that the caller must change, and the second is for failures of an upstream. The third is for failures of the
 * gateway, and for clients that leave. When an upstream refuses our account (`account-refused`, `quota-exhausted`), the
 * client never gets 401, 402 or 403.
 */
export const reasons = {
  'invalid-request': { ...ownDefaults, status: 400, code: 'invalid_request' },
  unsupported: { ...ownDefaults, retry: 'upstream', status: 400, code: 'unsupported_parameter' },
  'content-filtered': { ...ownDefaults, status: 400, code: 'content_filter' },
  unauthorized: { ...ownDefaults, status: 401, code: 'invalid_api_key' },
  forbidden: { ...ownDefaults, status: 403, code: 'forbidden' },
  'model-not-found': { ...ownDefaults, retry: 'upstream', status: 404, code: 'model_not_found' },
  'not-found': { ...ownDefaults, status: 404, code: 'not_found' },
  'wrong-method': { ...ownDefaults, status: 405, code: 'method_not_allowed' },
  'too-slow': { ...ownDefaults, status: 408, code: 'request_timeout' },
  conflict: { ...ownDefaults, status: 409, code: 'conflict' },
  'too-large': { ...ownDefaults, status: 413, code: 'request_too_large' },
  'unsupported-media': { ...ownDefaults, status: 415, code: 'unsupported_media_type' },
  'too-many-attempts': { ...ownDefaults, status: 429, code: 'too_many_attempts' },
  // the limits of a client key
  'limit-reached': { ...ownDefaults, status: 429, code: 'rate_limit_exceeded' },
  'budget-spent': { ...ownDefaults, status: 429, code: 'budget_exceeded', clientRetry: false },

  'account-refused': {
    ...upstreamDefaults,
    breaker: false,
    account: 'refused',
    status: 502,
    code: 'upstream_auth',
  },
  // only when the service itself proves that this credential will never be valid again
  'login-needed': {
    ...upstreamDefaults,
    breaker: false,
    account: 'needs-login',
    status: 502,
    code: 'upstream_login_needed',
  },
  'account-banned': {
    ...upstreamDefaults,
    breaker: false,
    account: 'banned',
    status: 502,
    code: 'upstream_banned',
  },
  // the account may still be valid, but the gateway could not get its next credential
  'renewal-failed': {
    ...upstreamDefaults,
    breaker: false,
    account: 'cooling',
    status: 502,
    code: 'upstream_renewal',
  },
  'quota-exhausted': {
    ...upstreamDefaults,
    breaker: false,
    account: 'exhausted',
    status: 429,
    code: 'insufficient_quota',
  },
  'rate-limited': {
    ...upstreamDefaults,
    breaker: false,
    account: 'cooling',
    retryAfterMs: 30_000,
    status: 429,
    code: 'rate_limit_exceeded',
  },
  challenged: {
    ...upstreamDefaults,
    breaker: false,
    account: 'challenged',
    status: 502,
    code: 'upstream_blocked',
  },
  overloaded: {
    ...upstreamDefaults,
    retryAfterMs: 5_000,
    status: 503,
    code: 'upstream_overloaded',
  },
  busy: { ...upstreamDefaults, breaker: false, status: 503, code: 'upstream_busy' },
  timeout: { ...upstreamDefaults, status: 504, code: 'upstream_timeout' },
  'upstream-failed': { ...upstreamDefaults, status: 502, code: 'upstream_error' },
  'upstream-outdated': {
    ...upstreamDefaults,
    retry: 'none',
    breaker: false,
    status: 502,
    code: 'upstream_protocol',
  },

  unavailable: { ...ownDefaults, retryAfterMs: 1_000, status: 503, code: 'overloaded' },
  internal: { ...ownDefaults, status: 500, code: 'internal_error' },
  cancelled: { ...ownDefaults, status: 499, code: 'client_closed' },
} as const satisfies Record<string, ReasonMeaning>

export function isReason(text: unknown): text is Reason {
  return typeof text === 'string' && Object.hasOwn(reasons, text)
}

export interface ChatErrorOptions {
  /** What happened and what to do. Never a secret, never an upstream's HTML. */
  readonly message: string
  /** A more precise code than the reason's, which clients may look for. It is not redacted here, because an operator's key may equal a word in it. Code that quotes an upstream must redact it. */
  readonly code?: string
  /** Whether `code` quotes an upstream. Such a code may be any text, so it does not become `ownCode`. */
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
  /** `options.code`, or else the code of its reason. */
  readonly code: string
  /** `options.code`. A dialect sends it in place of its own code. */
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

/** Returns a ChatError unchanged. Any other thrown value is a bug of ours: it becomes `internal`, and clients do not see its text. */
export function asChatError(thrown: unknown): ChatError {
  if (thrown instanceof ChatError) return thrown
  return new ChatError('internal', {
    message: 'The gateway failed. Its log has the details under this request id.',
    cause: thrown,
  })
}
