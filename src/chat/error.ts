import { redact } from './secret.ts'

/** Why a chat failed. A closed list: what a reason means is said in `reasons`, and nowhere else. */
export type Reason = keyof typeof reasons

interface ReasonMeaning {
  /** HTTP status of the failure, unless a dialect has another for it. */
  readonly status: number
  /** Our own word for it, in the log, in `doctor` and in an account's state. What clients read are the words of their dialect. */
  readonly code: string
  /** Who may do better, as long as no event has reached the client: `any` other account too, only another `upstream`, or `none`. */
  readonly retry: 'any' | 'upstream' | 'none'
  /** Counts against the upstream's health. */
  readonly breaker: boolean
  /** What becomes of the account the call ran on. */
  readonly account: 'unchanged' | 'cooling' | 'refused' | 'exhausted' | 'challenged' | 'needs-login' | 'banned'
  /** Tells an SDK whether to try by itself; undefined leaves it to the SDK. False where we have tried everything. */
  readonly clientRetry?: boolean
  /** Milliseconds after which a client may come back, where nobody has put a time to it. */
  readonly retryAfterMs?: number
}

const ours = { retry: 'none', breaker: false, account: 'unchanged' } as const
const theirs = { retry: 'any', breaker: true, account: 'unchanged', clientRetry: false } as const

/**
 * The one table. It knows no dialect: each dialect has a total map from a reason to its own words. The first group is the
 * caller's to mend, the second is an upstream's failing, the third is our own. An upstream's refusal of our account
 * (`account-refused`, `quota-exhausted`) is never the client's 401, 402 or 403.
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
  // only with the service's own proof that this credential will never be good again
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
  // the account may be as good as ever: what failed is getting its next credential
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
  /** Finer than the reason's own code, and as clients look for it: an operator's key may be a word of it. An upstream's is redacted by who passes it on. */
  readonly code?: string
  /** Whether `code` is an upstream's own word, which may be any. */
  readonly isCodeQuoted?: boolean
  /** The field of the request that is at fault, as the client spelled it: `messages[0].content`. */
  readonly param?: string
  /** Milliseconds, from now, after which another try makes sense. */
  readonly retryAfterMs?: number
  /** The upstream's HTTP status, where it gave one. */
  readonly upstreamStatus?: number
  readonly cause?: unknown
}

/** The only error the program throws on purpose. Known secrets are cut out of its words, which may be an upstream's. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly reason: Reason
  /** The finest that is known of what it was: the code it brought, or the reason's own. */
  readonly code: string
  /** The code it brought, as it was given: every dialect passes it on. */
  readonly finerCode: string | undefined
  /** The code as the log shows it: never a word of an upstream's. */
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

  /** What the table says of this error. */
  get meaning(): ReasonMeaning {
    return reasons[this.reason]
  }
}

/** Any thrown value as a ChatError: one that is none already is our own bug, whose text no client sees. */
export function asChatError(thrown: unknown): ChatError {
  if (thrown instanceof ChatError) return thrown
  return new ChatError('internal', {
    message: 'The gateway failed. Its log has the details under this request id.',
    cause: thrown,
  })
}
