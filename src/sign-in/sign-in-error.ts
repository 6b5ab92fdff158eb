import { ChatError, type ChatErrorOptions } from '../chat/error.ts'
import { isPage, pageError, parseRetryAfter } from '../wire/http-status.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import type { ReplyHeaders } from '../wire/reply-headers.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** Codes that prove that a session has ended, so that another attempt must fail. supabase/auth, error codes */
const overCodes: ReadonlySet<string> = new Set([
  'validation_failed',
  'refresh_token_not_found',
  'refresh_token_already_used',
  'session_not_found',
  'session_expired',
  'user_not_found',
  'invalid_grant',
])
/** The texts of older servers, which send no code. */
const overWords = /^Invalid Refresh Token\b|^Refresh token is not valid\b/i
const bannedWords = /^Invalid Refresh Token: User Banned\b/i
const disabledCodes: ReadonlySet<string> = new Set(['anonymous_provider_disabled', 'signup_disabled'])

/** Milliseconds until a bucket of 30 tokens an hour has one more. */
const refillMs = 120_000

interface RefusedReply {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly receivedAt: number
}

/**
 * The error for a sign-in that Supabase refused. The error says that the account is banned or needs a login only if
 * Supabase's own code or text says it.
 * @param keyVariable the variable with the project's key, which the operator may have to correct
 */
export function signInError(refused: RefusedReply, text: string, keyVariable: string): ChatError {
  const { status, headers, receivedAt } = refused
  if (isPage(headers, text)) return pageError(refused, text)
  const { code, words } = refusalIn(headers, text)
  const error = (reason: ChatError['reason'], message: string, more: Partial<ChatErrorOptions> = {}) =>
    new ChatError(reason, { message, upstreamStatus: status, ...more })
  if (status === 429)
    return error('rate-limited', 'The sign-in service limits the rate of requests.', {
      retryAfterMs: parseRetryAfter(headers, receivedAt) ?? refillMs,
    })
  if (status >= 500) return error('upstream-failed', `The sign-in service failed (HTTP ${status}).`)
  if (code === 'user_banned' || bannedWords.test(words))
    return error('account-banned', 'The sign-in service has banned this user.')
  if (overCodes.has(code) || overWords.test(words))
    return error('login-needed', 'The session has ended: sign in again, and copy the new one.')
  if (code === 'captcha_failed')
    return error('challenged', 'The sign-in service asks for a captcha, which the gateway does not solve.')
  const mend = { code: 'upstream_configuration' }
  if (disabledCodes.has(code))
    return error('upstream-failed', 'The sign-in service no longer accepts anonymous users.', mend)
  if (status === 401)
    return error('upstream-failed', `The sign-in service refused the project's key: check ${keyVariable}.`, mend)
  return error('upstream-failed', `The sign-in service gave no session (HTTP ${status}).`)
}

function refusalIn(headers: ReplyHeaders, text: string): { readonly code: string; readonly words: string } {
  const refusal = schemas().Refusal.safeParse(jsonOrUndefined(text)).data
  const codeInBody = refusal?.error_code ?? (typeof refusal?.code === 'string' ? refusal.code : undefined)
  return {
    code: codeInBody ?? headers.get('x-sb-error-code') ?? refusal?.error ?? '',
    words: refusal?.msg ?? refusal?.message ?? refusal?.error_description ?? '',
  }
}
