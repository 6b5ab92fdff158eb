import { z } from 'zod'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../wire/emulator/http.ts'
import { play, type Script } from '../../wire/emulator/script.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { TokenBucket } from './bucket.ts'
import type { RotationRule } from './rotation.ts'
import { type EmulatedSession, EmulatedUsers } from './users.ts'

export interface SupabaseEmulatorOptions {
  /** `documented` by default. */
  readonly rule?: RotationRule
  /** Milliseconds for which a replaced refresh token is accepted once more. The default is 10,000. */
  readonly reuseIntervalMs?: number
  /** Seconds for which an access token is valid. The default is 3,600. */
  readonly expiresIn?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Whether anonymous users are accepted; `yes` by default. */
  readonly anonymous?: 'yes' | 'disabled' | 'captcha'
  /** Answers all other paths than `/auth/v1`, because a project has more services at its origin. */
  readonly otherwise?: (exchange: EmulatedExchange) => void | Promise<void>
}

/** A failure that the next sign-in gets. */
export interface SignInFault {
  /** The answer. */
  readonly script: Script
  /**
   * Whether the service renewed the session although it sent an error: the old refresh token is replaced, and the new
   * one is lost.
   */
  readonly isDone?: boolean
}

export interface SupabaseEmulator extends HttpEmulator {
  /** The project's public key. Requests without it are refused. */
  readonly anonKey: string
  /** How many sessions it has renewed, refused to renew, and made. */
  readonly counts: { renewals: number; refusals: number; signUps: number }
  /** Signs a user in, as a browser does. */
  signIn(): EmulatedSession
  /** The claims of an access token, if the emulator signed it and it is still valid. */
  verify(accessToken: string): Readonly<Record<string, unknown>> | undefined
  /** Refuses this access token from now on, although it has not expired. */
  refuse(accessToken: string): void
  /** Ends every session of a user. From then on this code refuses its refresh tokens. */
  end(userId: string, code: 'user_banned' | 'session_expired' | 'session_not_found'): void
  /** Makes the next sign-ins fail. Each sign-in gets one of these faults, in order. */
  fault(...faults: readonly SignInFault[]): void
}

/**
 * Supabase Auth over real sockets, as strict as the service: it checks the project's key, replaces refresh tokens at
 * every use by the real rule, allows 30 anonymous users an hour, and sends both shapes of errors.
 */
export async function emulateSupabase(options: SupabaseEmulatorOptions = {}): Promise<SupabaseEmulator> {
  const { rule = 'documented', reuseIntervalMs = 10_000, expiresIn = 3_600, now = Date.now } = options
  const users = new EmulatedUsers({ rule, reuseIntervalMs, expiresIn, now })
  const anonKey = users.anonKey('emulated')
  const faults: SignInFault[] = []
  const counts = { renewals: 0, refusals: 0, signUps: 0 }
  const service: SignInService = {
    users,
    counts,
    bucket: new TokenBucket(30, now),
    anonymous: options.anonymous ?? 'yes',
  }
  const emulator = await emulateHttp((exchange) => {
    const { path, headers } = exchange.request
    if (!path.startsWith('/auth/v1/')) return options.otherwise?.(exchange) ?? noRoute(exchange)
    if (!headers.has('apikey')) return noKey(exchange, 'No API key found in request')
    if (headers.get('apikey') !== anonKey) return noKey(exchange, 'Invalid API key')
    const fault = faults.shift()
    if (fault && !fault.isDone) return play(exchange, fault.script)
    const result = serve(exchange, service)
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

interface SignInService {
  readonly users: EmulatedUsers
  readonly counts: SupabaseEmulator['counts']
  readonly bucket: TokenBucket
  readonly anonymous: NonNullable<SupabaseEmulatorOptions['anonymous']>
}

interface SignInRefusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

function serve(exchange: EmulatedExchange, service: SignInService): EmulatedSession | SignInRefusal | undefined {
  const { method, path, body } = exchange.request
  const url = new URL(path, 'http://emulator')
  if (method !== 'POST') return undefined
  if (url.pathname === '/auth/v1/signup') return signUp(jsonOrUndefined(body), service)
  if (url.pathname !== '/auth/v1/token') return undefined
  if (url.searchParams.get('grant_type') === 'refresh_token') return refresh(jsonOrUndefined(body), service)
  return { status: 400, code: 'validation_failed', message: 'unsupported_grant_type' }
}

const RefreshBody = z.looseObject({ refresh_token: z.string() })

/** The message for each code. supabase/auth, token_refresh.go */
const messages: Readonly<Record<string, string>> = {
  validation_failed: 'Refresh token is not valid',
  refresh_token_not_found: 'Invalid Refresh Token: Refresh Token Not Found',
  refresh_token_already_used: 'Invalid Refresh Token: Already Used',
  session_not_found: 'Invalid Refresh Token: No Valid Session Found',
  session_expired: 'Invalid Refresh Token: Session Expired',
  user_banned: 'Invalid Refresh Token: User Banned',
}

function refresh(body: unknown, { users, counts }: SignInService): EmulatedSession | SignInRefusal {
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

function signUp(body: unknown, { users, counts, bucket, anonymous }: SignInService): EmulatedSession | SignInRefusal {
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

function give(exchange: EmulatedExchange, session: EmulatedSession): void {
  exchange.reply(200, JSON.stringify(session), { ...json, 'sb-auth-user-id': session.user.id })
}

/** The newer shape of errors is for clients that name its version. */
function refuse(exchange: EmulatedExchange, { status, code, message }: SignInRefusal): void {
  const isNew = exchange.request.headers.get('x-supabase-api-version') === '2024-01-01'
  const body = isNew ? { code, message } : { code: status, error_code: code, msg: message }
  exchange.reply(status, JSON.stringify(body), { ...json, 'x-sb-error-code': code })
}

/** The proxy in front of the service refuses a missing key in its own shape. */
function noKey(exchange: EmulatedExchange, message: string): void {
  exchange.reply(401, JSON.stringify({ message, hint: 'Check your Supabase `anon` API key.' }), json)
}

function noRoute(exchange: EmulatedExchange): void {
  exchange.reply(404, JSON.stringify({ error: 'requested path is invalid' }), json)
}
