import { z } from 'zod'
import { ChatError, type ChatErrorOptions } from '../chat/error.ts'
import { isPage, pageError, parseRetryAfter } from '../wire/http-status.ts'
import { jsonOrUndefined } from '../wire/json.ts'

/** A refusal in one of the four shapes it comes in: old, of `2024-01-01`, OAuth's, and the gateway's before it. */
const Refusal = z.looseObject({
  /** The old shape has the status here, the newer one the code. */
  code: z.union([z.string(), z.number()]).nullish().catch(undefined),
  error_code: z.string().nullish().catch(undefined),
  error: z.string().nullish().catch(undefined),
  msg: z.string().nullish().catch(undefined),
  message: z.string().nullish().catch(undefined),
  error_description: z.string().nullish().catch(undefined),
})

/** Proof that a session is over: another attempt can only fail. supabase/auth, error codes */
const overCodes: ReadonlySet<string> = new Set([
  'validation_failed',
  'refresh_token_not_found',
  'refresh_token_already_used',
  'session_not_found',
  'session_expired',
  'user_not_found',
  'invalid_grant',
])
/** What older servers say where newer ones have a code. */
const overWords = /^Invalid Refresh Token\b|^Refresh token is not valid\b/i
const bannedWords = /^Invalid Refresh Token: User Banned\b/i
const disabledCodes: ReadonlySet<string> = new Set(['anonymous_provider_disabled', 'signup_disabled'])

/** Milliseconds in which a bucket of 30 an hour has one more. */
const refillMs = 120_000

interface Refused {
  readonly status: number
  readonly headers: Headers
}

/**
 * Why Supabase gave no session. Only its own word, in the status that belongs to it, is proof against the account.
 * @param keyVariable the variable that holds the project's key, which the operator has to mend
 */
export function signInError({ status, headers }: Refused, text: string, keyVariable: string): ChatError {
  if (isPage(headers, text)) return pageError(status, headers, text)
  const { code, words } = refusalIn(headers, text)
  const error = (reason: ChatError['reason'], message: string, more: Partial<ChatErrorOptions> = {}) =>
    new ChatError(reason, { message, upstreamStatus: status, ...more })
  if (status === 429)
    return error('rate-limited', 'The sign-in service limits how often it may be asked.', {
      retryAfterMs: parseRetryAfter(headers, Date.now()) ?? refillMs,
    })
  if (status >= 500) return error('upstream-failed', `The sign-in service failed (HTTP ${status}).`)
  if (code === 'user_banned' || bannedWords.test(words))
    return error('account-banned', 'The sign-in service says that this user is banned.')
  if (overCodes.has(code) || overWords.test(words))
    return error('login-needed', 'The session is over: sign in again, and copy the new one.')
  if (code === 'captcha_failed')
    return error('challenged', 'The sign-in service asks for a captcha, which the gateway does not solve.')
  const mend = { code: 'upstream_configuration' }
  if (disabledCodes.has(code))
    return error('upstream-failed', 'The sign-in service takes no anonymous users any more.', mend)
  if (status === 401)
    return error('upstream-failed', `The sign-in service refused the project's key: check ${keyVariable}.`, mend)
  return error('upstream-failed', `The sign-in service gave no session (HTTP ${status}).`)
}

function refusalIn(headers: Headers, text: string): { readonly code: string; readonly words: string } {
  const said = Refusal.safeParse(jsonOrUndefined(text)).data
  const codeInBody = said?.error_code ?? (typeof said?.code === 'string' ? said.code : undefined)
  return {
    code: codeInBody ?? headers.get('x-sb-error-code') ?? said?.error ?? '',
    words: said?.msg ?? said?.message ?? said?.error_description ?? '',
  }
}
