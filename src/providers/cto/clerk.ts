import { ChatError, type Reason } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { parseSetCookie } from '../../wire/cookies.ts'
import { send } from '../../wire/http.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, statusError } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { ClerkClient, ClerkRefusal, type ClerkSession, ClerkToken } from './schema.ts'

/** Clerk's Frontend API, which signs people in at cto.new. */
export interface Clerk {
  readonly url: string
  /** A date, as in `__clerk_api_version`. */
  readonly apiVersion: string
  /** Of the site that people sign in to. */
  readonly origin: string
  readonly userAgent: string
}

/** Who asks: Clerk may give it another cookie with every reply, and takes no older one from then on. */
export interface Browser {
  cookie: Secret
  /** Told of each new cookie, before anything else is asked. */
  keep(cookie: Secret): Promise<void>
}

/** A session that a browser is in. */
export interface SessionName {
  readonly id: string
  readonly organizationId: string | undefined
}

/** Such a reply is small: what takes longer does not come. Milliseconds. */
const limits = { connectMs: 5_000, headMs: 10_000, idleMs: 10_000 }
const maxBytes = 4 * 1024 * 1024

/**
 * Which session the browser with this cookie is in.
 * @throws ChatError `login-needed` where it is in none; see `refusal` for the rest
 */
export async function findSession(clerk: Clerk, browser: Browser, signal: Cancel): Promise<SessionName> {
  const { reply, text } = await ask(clerk, { method: 'GET', path: '/v1/client', browser }, signal)
  if (reply.status !== 200 || isPage(reply.headers, text)) throw refusal(reply, text)
  const { response } = parsed(ClerkClient, text)
  const active = response?.sessions.filter(({ status }) => status === 'active') ?? []
  const session = active.find(({ id }) => id === response?.last_active_session_id) ?? active[0]
  if (!session) throw signedOut()
  return { id: session.id, organizationId: organizationOf(session) }
}

function organizationOf({ last_active_organization_id: last, user }: ClerkSession): string | undefined {
  return last ?? user?.organization_memberships?.[0]?.organization.id
}

/**
 * A token for the session, good for a minute.
 * @returns undefined where the browser has no such session
 * @throws ChatError: see `refusal`
 */
export async function makeToken(
  clerk: Clerk,
  browser: Browser,
  { id, organizationId }: SessionName,
  signal: Cancel,
): Promise<string | undefined> {
  const form = new URLSearchParams(organizationId === undefined ? {} : { organization_id: organizationId })
  const path = `/v1/client/sessions/${encodeURIComponent(id)}/tokens`
  const { reply, text } = await ask(clerk, { method: 'POST', path, browser, form }, signal)
  // Clerk, Frontend API: `resource_not_found`, "No session was found with id …"
  if (reply.status === 404) return undefined
  if (reply.status !== 200 || isPage(reply.headers, text)) throw refusal(reply, text)
  return parsed(ClerkToken, text).jwt
}

interface ClerkRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly browser: Browser
  readonly form?: URLSearchParams
}

async function ask({ url, apiVersion, origin, userAgent }: Clerk, question: ClerkRequest, signal: Cancel) {
  const { method, path, browser, form } = question
  const reply = await send(
    {
      method,
      url: `${url}${path}?__clerk_api_version=${encodeURIComponent(apiVersion)}`,
      headers: {
        accept: 'application/json',
        cookie: `__client=${browser.cookie.reveal()}`,
        origin,
        referer: `${origin}/`,
        'user-agent': userAgent,
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form && { body: form.toString() }),
      limits,
    },
    signal,
  )
  await adopt(browser, reply)
  return { reply, text: await reply.text(maxBytes) }
}

/** Takes over the cookie that is to be sent from now on. */
async function adopt(browser: Browser, { headers, receivedAt }: HttpReply): Promise<void> {
  const next = parseSetCookie(headers, receivedAt).findLast(({ name, isDeleted }) => name === '__client' && !isDeleted)
  if (!next || next.value === browser.cookie.reveal()) return
  browser.cookie = new Secret(next.value, 'held')
  await browser.keep(browser.cookie)
}

interface Schema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false }
}

function parsed<T>(schema: Schema<T>, text: string): T {
  const result = schema.safeParse(jsonOrUndefined(text))
  if (result.success) return result.data
  throw new ChatError('upstream-failed', {
    message: 'Clerk answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

/** Codes by which Clerk says that a user is not to sign in any more. Clerk, errors */
const bannedCodes = new Set(['user_banned', 'user_deactivated'])
/** What heals by itself, whatever it is: only its own words are proof against an account. */
const healing = new Set<Reason>(['rate-limited', 'overloaded', 'timeout', 'busy', 'upstream-failed'])

/** Why Clerk gave nothing. */
function refusal(reply: HttpReply, text: string): ChatError {
  const { status, headers } = reply
  if (isPage(headers, text)) return pageError(reply, text)
  const codes = ClerkRefusal.safeParse(jsonOrUndefined(text)).data?.errors.map(({ code }) => code) ?? []
  if (codes.some((code) => bannedCodes.has(code)))
    return new ChatError('account-banned', {
      message: 'Clerk says that this user is banned or deactivated.',
      upstreamStatus: status,
    })
  // Clerk's own code shows that it is Clerk who speaks: a page or a proxy proves nothing
  if ((status === 401 || status === 422) && codes.length > 0) return signedOut(status)
  const error = statusError(reply, {})
  if (healing.has(error.reason)) return error
  return new ChatError('upstream-failed', { message: `Clerk refused (HTTP ${status}).`, upstreamStatus: status })
}

function signedOut(upstreamStatus = 200): ChatError {
  return new ChatError('login-needed', {
    message: 'The cookie is signed out: sign in at cto.new again, and copy the new one.',
    upstreamStatus,
  })
}
