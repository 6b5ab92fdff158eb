import { ChatError, type Reason } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { parseSetCookie } from '../../wire/cookies.ts'
import { send } from '../../wire/http.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, statusError } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import type { ClerkSession } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** Clerk's Frontend API, the sign-in service of cto.new. */
export interface Clerk {
  readonly url: string
  /** The date in `__clerk_api_version`. */
  readonly apiVersion: string
  /** The origin of the site that users sign in to. */
  readonly origin: string
  readonly userAgent: string
}

/** The browser that sends the requests. Clerk may send a new cookie with every reply; then older ones are refused. */
export interface Browser {
  cookie: Secret
  /** Called with each new cookie, before the next request. */
  keep(cookie: Secret): Promise<void>
}

/** A session of the browser. */
export interface SessionName {
  readonly id: string
  readonly organizationId: string | undefined
}

/** Milliseconds. Clerk's replies are small, so a server that takes longer will not answer. */
const limits = { connectMs: 5_000, headMs: 10_000, idleMs: 10_000 }
const maxBytes = 4 * 1024 * 1024

/**
 * Finds the session of the browser with this cookie.
 * @throws ChatError `login-needed` if the browser has no session; `refusal` makes the other errors
 */
export async function findSession(clerk: Clerk, browser: Browser, signal: Cancel): Promise<SessionName> {
  const { reply, text } = await ask(clerk, { method: 'GET', path: '/v1/client', browser }, signal)
  if (reply.status !== 200 || isPage(reply.headers, text)) throw refusal(reply, text)
  const { response } = parse(schemas().ClerkClient, text)
  const active = response?.sessions.filter(({ status }) => status === 'active') ?? []
  const session = active.find(({ id }) => id === response?.last_active_session_id) ?? active[0]
  if (!session) throw signedOut()
  return { id: session.id, organizationId: organizationOf(session) }
}

function organizationOf({ last_active_organization_id: last, user }: ClerkSession): string | undefined {
  return last ?? user?.organization_memberships?.[0]?.organization.id
}

/**
 * Makes a token for the session. The token is valid for a minute.
 * @returns undefined if the browser does not have this session
 * @throws ChatError that `refusal` makes
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
  return parse(schemas().ClerkToken, text).jwt
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
  await storeNewCookie(browser, reply)
  return { reply, text: await reply.text(maxBytes) }
}

/** Stores the new cookie of a reply, if it has one. */
async function storeNewCookie(browser: Browser, { headers, receivedAt }: HttpReply): Promise<void> {
  const next = parseSetCookie(headers, receivedAt).findLast(({ name, isDeleted }) => name === '__client' && !isDeleted)
  if (!next || next.value === browser.cookie.reveal()) return
  browser.cookie = new Secret(next.value, 'held')
  await browser.keep(browser.cookie)
}

interface BodySchema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false }
}

function parse<T>(schema: BodySchema<T>, text: string): T {
  const result = schema.safeParse(jsonOrUndefined(text))
  if (result.success) return result.data
  throw new ChatError('upstream-failed', {
    message: 'Clerk answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

/** Codes for a user who may not sign in any more. Clerk, errors */
const bannedCodes = new Set(['user_banned', 'user_deactivated'])
/** Reasons of failures that end by themselves. Only Clerk's own codes prove anything against an account. */
const temporaryReasons = new Set<Reason>(['rate-limited', 'overloaded', 'timeout', 'busy', 'upstream-failed'])

/** The error for a refusal of Clerk. */
function refusal(reply: HttpReply, text: string): ChatError {
  const { status, headers } = reply
  if (isPage(headers, text)) return pageError(reply, text)
  const codes =
    schemas()
      .ClerkRefusal.safeParse(jsonOrUndefined(text))
      .data?.errors.map(({ code }) => code) ?? []
  if (codes.some((code) => bannedCodes.has(code)))
    return new ChatError('account-banned', {
      message: 'Clerk says that this user is banned or deactivated.',
      upstreamStatus: status,
    })
  // a code shows that the reply is Clerk's own; a page or a proxy proves nothing
  if ((status === 401 || status === 422) && codes.length > 0) return signedOut(status)
  const error = statusError(reply, {})
  if (temporaryReasons.has(error.reason)) return error
  return new ChatError('upstream-failed', { message: `Clerk refused (HTTP ${status}).`, upstreamStatus: status })
}

function signedOut(upstreamStatus = 200): ChatError {
  return new ChatError('login-needed', {
    message: 'The cookie is signed out: sign in at cto.new again, and copy the new one.',
    upstreamStatus,
  })
}
