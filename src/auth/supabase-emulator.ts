import { z } from 'zod'
import { play, type Script } from '../wire/emulated-script.ts'
import { type Exchange, emulateHttp, type HttpEmulator } from '../wire/http-emulator.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import { TokenBucket } from './emulated-bucket.ts'
import type { RotationRule } from './emulated-rotation.ts'
import { type EmulatedSession, EmulatedUsers } from './emulated-users.ts'

export interface SupabaseEmulatorOptions {
  /** `documented` unless said otherwise. */
  readonly rule?: RotationRule
  /** Milliseconds for which a replaced refresh token is taken once more; 10,000. */
  readonly reuseIntervalMs?: number
  /** Seconds an access token lasts; 3,600. */
  readonly expiresIn?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Whether anonymous users are taken; `yes` unless said otherwise. */
  readonly anonymous?: 'yes' | 'disabled' | 'captcha'
  /** Answers what is not `/auth/v1`: a project has more services at its origin. */
  readonly otherwise?: (exchange: Exchange) => void | Promise<void>
}

/** What the next sign-in meets. */
export interface SignInFault {
  /** What it is answered with. */
  readonly script: Script
  /** Whether it was done all the same: the refresh token was replaced, and nobody knows by which. */
  readonly isDone?: boolean
}

export interface SupabaseEmulator extends HttpEmulator {
  /** The project's public key, without which no request is let in. */
  readonly anonKey: string
  /** How many sessions it has given out, and refused to renew. */
  readonly counts: { renewals: number; refusals: number; signUps: number }
  /** Signs somebody in, as a browser would. */
  signIn(): EmulatedSession
  /** The claims of an access token that is ours and still holds. */
  verify(accessToken: string): Readonly<Record<string, unknown>> | undefined
  /** Takes this access token no more, though it has not ended. */
  refuse(accessToken: string): void
  /** Ends every session of a user: its refresh tokens are refused with this code. */
  end(userId: string, code: 'user_banned' | 'session_expired' | 'session_not_found'): void
  /** The next sign-ins meet these, one each. */
  fault(...faults: readonly SignInFault[]): void
}

/**
 * Supabase Auth over real sockets, as strict as the service: the project's key, refresh tokens that are replaced with every
 * use by the true rule, 30 anonymous users an hour, both shapes of errors.
 */
export async function emulateSupabase(options: SupabaseEmulatorOptions = {}): Promise<SupabaseEmulator> {
  const { rule = 'documented', reuseIntervalMs = 10_000, expiresIn = 3_600, now = Date.now } = options
  const users = new EmulatedUsers({ rule, reuseIntervalMs, expiresIn, now })
  const anonKey = users.anonKey('emulated')
  const faults: SignInFault[] = []
  const counts = { renewals: 0, refusals: 0, signUps: 0 }
  const desk: Desk = { users, counts, bucket: new TokenBucket(30, now), anonymous: options.anonymous ?? 'yes' }
  const emulator = await emulateHttp((exchange) => {
    const { path, headers } = exchange.request
    if (!path.startsWith('/auth/v1/')) return options.otherwise?.(exchange) ?? noRoute(exchange)
    if (!headers.has('apikey')) return noKey(exchange, 'No API key found in request')
    if (headers.get('apikey') !== anonKey) return noKey(exchange, 'Invalid API key')
    const fault = faults.shift()
    if (fault && !fault.isDone) return play(exchange, fault.script)
    const result = serve(exchange, desk)
    if (fault) return play(exchange, fault.script)
    if (result === undefined) return noRoute(exchange)
    return 'access_token' in result ? give(exchange, result) : refuse(exchange, result)
  })
  users.isAt(emulator.origin)
  return {
    ...emulator,
    anonKey,
    counts,
    signIn: () => users.signIn(false),
    verify: (token) => users.verify(token),
    refuse: (token) => users.refuse(token),
    end: (userId, code) => users.end(userId, code),
    fault: (...more) => void faults.push(...more),
  }
}

interface Desk {
  readonly users: EmulatedUsers
  readonly counts: SupabaseEmulator['counts']
  readonly bucket: TokenBucket
  readonly anonymous: NonNullable<SupabaseEmulatorOptions['anonymous']>
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

function serve(exchange: Exchange, desk: Desk): EmulatedSession | Refusal | undefined {
  const { method, path, body } = exchange.request
  const url = new URL(path, 'http://emulator')
  if (method !== 'POST') return undefined
  if (url.pathname === '/auth/v1/signup') return signUp(jsonOrUndefined(body), desk)
  if (url.pathname !== '/auth/v1/token') return undefined
  if (url.searchParams.get('grant_type') === 'refresh_token') return refresh(jsonOrUndefined(body), desk)
  return { status: 400, code: 'validation_failed', message: 'unsupported_grant_type' }
}

const RefreshBody = z.looseObject({ refresh_token: z.string() })

/** What is said with each code. supabase/auth, token_refresh.go */
const messages: Readonly<Record<string, string>> = {
  validation_failed: 'Refresh token is not valid',
  refresh_token_not_found: 'Invalid Refresh Token: Refresh Token Not Found',
  refresh_token_already_used: 'Invalid Refresh Token: Already Used',
  session_not_found: 'Invalid Refresh Token: No Valid Session Found',
  session_expired: 'Invalid Refresh Token: Session Expired',
  user_banned: 'Invalid Refresh Token: User Banned',
}

function refresh(body: unknown, { users, counts }: Desk): EmulatedSession | Refusal {
  const parsed = RefreshBody.safeParse(body)
  if (!parsed.success) return { status: 400, code: 'bad_json', message: 'Could not parse request body as JSON' }
  const session = users.refresh(parsed.data.refresh_token)
  if (typeof session !== 'string') {
    counts.renewals++
    return session
  }
  counts.refusals++
  return { status: 400, code: session, message: messages[session] ?? session }
}

const SignUpBody = z.looseObject({ email: z.literal('').optional(), phone: z.literal('').optional() })

function signUp(body: unknown, { users, counts, bucket, anonymous }: Desk): EmulatedSession | Refusal {
  if (!SignUpBody.safeParse(body).success)
    return { status: 422, code: 'signup_disabled', message: 'Signups not allowed for this instance' }
  if (anonymous === 'disabled')
    return { status: 422, code: 'anonymous_provider_disabled', message: 'Anonymous sign-ins are disabled' }
  if (anonymous === 'captcha')
    return { status: 400, code: 'captcha_failed', message: 'captcha protection: request disallowed' }
  if (!bucket.take()) return { status: 429, code: 'over_request_rate_limit', message: 'Request rate limit reached' }
  counts.signUps++
  return users.signIn(true)
}

const json = { 'content-type': 'application/json' }

function give(exchange: Exchange, session: EmulatedSession): void {
  exchange.reply(200, JSON.stringify(session), { ...json, 'sb-auth-user-id': session.user.id })
}

/** The newer shape of errors is for those who name its version. */
function refuse(exchange: Exchange, { status, code, message }: Refusal): void {
  const isNew = exchange.request.headers.get('x-supabase-api-version') === '2024-01-01'
  const body = isNew ? { code, message } : { code: status, error_code: code, msg: message }
  exchange.reply(status, JSON.stringify(body), { ...json, 'x-sb-error-code': code })
}

/** The gateway before the service says it in its own way. */
function noKey(exchange: Exchange, message: string): void {
  exchange.reply(401, JSON.stringify({ message, hint: 'Check your Supabase `anon` API key.' }), json)
}

function noRoute(exchange: Exchange): void {
  exchange.reply(404, JSON.stringify({ error: 'requested path is invalid' }), json)
}
