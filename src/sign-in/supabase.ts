import type { Renewal } from '../accounts/account.ts'
import { ChatError } from '../chat/error.ts'
import type { Secret } from '../chat/secret.ts'
import type { Cancel } from '../flow/cancel.ts'
import { send } from '../wire/http.ts'
import type { HttpReply } from '../wire/http-reply.ts'
import { isPage } from '../wire/http-status.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import { readSession, type SupabaseSession } from './session.ts'
import { signInError } from './sign-in-error.ts'

/** A Supabase project with its sign-in service. */
export interface SupabaseProject {
  /** Its origin, such as `https://REF.supabase.co`. */
  readonly url: string
  /** Its anon (publishable) key, and the variable that holds it. */
  readonly anonKey: { readonly name: string; readonly secret: Secret }
}

/** Renews sessions: one request gives a new access token and a new refresh token. supabase/auth, refresh_token grant */
export function supabaseRenewal(project: SupabaseProject): Renewal<SupabaseSession> {
  return {
    expiresAt: (session) => session.expiresAt,
    // supabase/auth-js: three ticks of 30 s
    aheadMs: 90_000,
    renew: (session, signal) => renew(project, session, signal),
    encode: (session) => session.json.reveal(),
    decode: (text) => readSession(jsonOrUndefined(text)),
  }
}

async function renew(
  project: SupabaseProject,
  { refreshToken }: SupabaseSession,
  signal: Cancel,
): Promise<SupabaseSession> {
  if (!refreshToken) {
    throw new ChatError('login-needed', { message: 'The session has no refresh token: sign in again.' })
  }
  const body = { refresh_token: refreshToken.reveal() }
  return signIn(project, { path: '/auth/v1/token?grant_type=refresh_token', body }, signal)
}

/**
 * Makes an anonymous user and returns its session, which can be renewed like any other.
 * @throws ChatError `rate-limited` with `retryAfterMs`: one address gets 30 an hour
 */
export async function signUpAnonymously(project: SupabaseProject, signal: Cancel): Promise<SupabaseSession> {
  // a user without an e-mail address and a phone number is anonymous; this is the body of supabase-js
  return signIn(project, { path: '/auth/v1/signup', body: { data: {}, gotrue_meta_security: {} } }, signal)
}

interface SignIn {
  readonly path: string
  readonly body: object
}

/** Milliseconds. A sign-in's reply is small and quick. */
const limits = { connectMs: 5_000, headMs: 10_000, idleMs: 10_000 }

async function signIn(project: SupabaseProject, { path, body }: SignIn, signal: Cancel): Promise<SupabaseSession> {
  const key = project.anonKey.secret.reveal()
  const headers = {
    apikey: key,
    authorization: `Bearer ${key}`,
    'content-type': 'application/json;charset=UTF-8',
    accept: 'application/json',
    // selects the newer shape of errors
    'x-supabase-api-version': '2024-01-01',
  }
  const url = project.url + path
  const reply = await send({ method: 'POST', url, headers, body: JSON.stringify(body), limits }, signal)
  const text = await textOf(reply)
  if (reply.status !== 200 || isPage(reply.headers, text)) throw signInError(reply, text, project.anonKey.name)
  const session = readSession(jsonOrUndefined(text), reply.receivedAt)
  if (session?.refreshToken) return session
  throw new ChatError('upstream-failed', {
    message: 'The sign-in service answered without a session.',
    code: 'upstream_bad_response',
  })
}

const maxReplyBytes = 256 * 1024

/** A broken body is ignored, because the status of a refusal says enough. */
async function textOf(reply: HttpReply): Promise<string> {
  if (reply.status === 200) return reply.text(maxReplyBytes)
  return reply.text(maxReplyBytes).catch(() => '')
}
