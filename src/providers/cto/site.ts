import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { send } from '../../wire/http.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, refusal, statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { type CtoAccount, sessionOf } from './account.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The addresses of cto.new, and how the gateway presents itself. */
export interface CtoSite {
  readonly apiUrl: string
  readonly socketUrl: string
  readonly origin: string
  readonly userAgent: string
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: string
  /** The page that the request claims to come from. */
  readonly page?: string
}

/** Milliseconds, for small replies before the answer begins. */
const limits = { connectMs: 5_000, headMs: 15_000, idleMs: 10_000 }
const maxBytes = 1024 * 1024

/**
 * Sends a request to the API as the signed-in user.
 * @returns the body of a success
 * @throws ChatError for anything else
 */
export async function askApi(
  site: CtoSite,
  account: CtoAccount,
  question: ApiRequest,
  signal: Cancel,
): Promise<string> {
  const reply = await sendApi(site, account, question, signal)
  if (reply.status < 200 || reply.status >= 300)
    throw await refusalError(reply, () => hasReachedLimit(site, account, signal))
  const text = await reply.text(maxBytes)
  if (isPage(reply.headers, text)) throw wallError(reply, text)
  const answer = jsonOrUndefined(text)
  // no answer will come after a success with an error inside
  if (schemas().CtoComplaint.safeParse(answer).data?.error) throw statusError(reply, readComplaint(answer))
  return text
}

/** The error for a page: a bot challenge, or otherwise the page for users who are not signed in. */
function wallError(reply: HttpReply, page: string): ChatError {
  const error = pageError(reply, page)
  return error.reason === 'challenged' ? error : loginPage(reply.status)
}

function loginPage(status: number): ChatError {
  return new ChatError('account-refused', {
    message: `cto.new sent the gateway to its login page (HTTP ${status}).`,
    upstreamStatus: status,
  })
}

export function apiHeaders({ origin, userAgent }: CtoSite, account: CtoAccount, page = ''): Record<string, string> {
  return {
    authorization: `Bearer ${sessionOf(account).jwt.reveal()}`,
    accept: 'application/json',
    origin,
    referer: `${origin}/${page}`,
    'user-agent': userAgent,
  }
}

function sendApi(site: CtoSite, account: CtoAccount, { method, path, body, page }: ApiRequest, signal: Cancel) {
  const headers = apiHeaders(site, account, page)
  if (body === undefined) return send({ method, url: site.apiUrl + path, headers, limits }, signal)
  return send(
    { method, url: site.apiUrl + path, headers: { ...headers, 'content-type': 'application/json' }, body, limits },
    signal,
  )
}

/** The error for a refusal. Every redirect of the API leads to the login page. Upstreams 2.2 */
async function refusalError(reply: HttpReply, isExhausted: () => Promise<boolean>): Promise<ChatError> {
  const { status } = reply
  if (status >= 300 && status < 400) {
    reply.discard()
    return loginPage(status)
  }
  const error = await refusal(reply, readComplaint)
  const mayBeQuota = status === 402 || status === 403 || status === 429
  if (!mayBeQuota || error.reason === 'quota-exhausted' || error.reason === 'challenged') return error
  if (!(await isExhausted().catch(() => false))) return error
  return new ChatError('quota-exhausted', {
    message: 'The account has used up its limit at cto.new.',
    upstreamStatus: status,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    cause: error,
  })
}

/** Asks whether the account's limit is reached, because the refusal itself does not tell. */
async function hasReachedLimit(site: CtoSite, account: CtoAccount, signal: Cancel): Promise<boolean> {
  const reply = await sendApi(site, account, { method: 'GET', path: '/billing' }, signal)
  const billing = schemas().CtoBilling.safeParse(jsonOrUndefined(await reply.text(maxBytes))).data
  return reply.status === 200 && (billing?.hasReachedLimit === true || billing?.limitReached === true)
}

/** Reads the known parts of an error body, whose shape is not documented. */
export function readComplaint(body: unknown): UpstreamComplaint {
  if (typeof body === 'string') return { message: body }
  const complaint = schemas().CtoComplaint.safeParse(body).data
  if (!complaint) return {}
  const inner = typeof complaint.error === 'string' ? { message: complaint.error } : complaint.error
  const message = complaint.message ?? inner?.message
  const isExhausted = complaint.hasReachedLimit === true || complaint.limitReached === true
  const code = isExhausted ? 'insufficient_quota' : (complaint.code ?? inner?.code)
  return { ...(message != null && { message }), ...(code != null && { code }) }
}
