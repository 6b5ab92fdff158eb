import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { send } from '../../wire/http.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, refusal, statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { type CtoAccount, sessionOf } from './account.ts'
import { CtoBilling, CtoComplaint } from './schema.ts'

/** Where cto.new is, and what it is told of us. */
export interface Site {
  readonly apiUrl: string
  readonly socketUrl: string
  readonly origin: string
  readonly userAgent: string
}

export interface ApiQuestion {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: string
  /** Where in the site it is asked from. */
  readonly page?: string
}

/** Small replies, that are waited for before the answer begins. Milliseconds. */
const limits = { connectMs: 5_000, headMs: 15_000, idleMs: 10_000 }
const maxBytes = 1024 * 1024

/**
 * Asks the API as somebody who is signed in.
 * @returns the body of a success
 * @throws ChatError for anything else
 */
export async function askApi(site: Site, account: CtoAccount, question: ApiQuestion, signal: Cancel): Promise<string> {
  const reply = await sendApi(site, account, question, signal)
  if (reply.status < 200 || reply.status >= 300)
    throw await refused(reply, () => hasReachedLimit(site, account, signal))
  const text = await reply.text(maxBytes)
  if (isPage(reply.headers, text)) throw wallError(reply, text)
  const said = jsonOrUndefined(text)
  // waited for, what such a success has begun would never come
  if (CtoComplaint.safeParse(said).data?.error) throw statusError(reply, readComplaint(said))
  return text
}

/** A page that is no challenge is what who is not signed in is shown. */
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

export function apiHeaders({ origin, userAgent }: Site, account: CtoAccount, page = ''): Record<string, string> {
  return {
    authorization: `Bearer ${sessionOf(account).jwt.reveal()}`,
    accept: 'application/json',
    origin,
    referer: `${origin}/${page}`,
    'user-agent': userAgent,
  }
}

function sendApi(site: Site, account: CtoAccount, { method, path, body, page }: ApiQuestion, signal: Cancel) {
  const headers = apiHeaders(site, account, page)
  if (body === undefined) return send({ method, url: site.apiUrl + path, headers, limits }, signal)
  return send(
    { method, url: site.apiUrl + path, headers: { ...headers, 'content-type': 'application/json' }, body, limits },
    signal,
  )
}

/** An API sends nobody elsewhere but to the login page. Upstreams 2.2 */
async function refused(reply: HttpReply, isExhausted: () => Promise<boolean>): Promise<ChatError> {
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
    message: 'The account has used up what cto.new gives it.',
    upstreamStatus: status,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    cause: error,
  })
}

/** What the refusal itself does not say: whether it is the account's limit. */
async function hasReachedLimit(site: Site, account: CtoAccount, signal: Cancel): Promise<boolean> {
  const reply = await sendApi(site, account, { method: 'GET', path: '/billing' }, signal)
  const billing = CtoBilling.safeParse(jsonOrUndefined(await reply.text(maxBytes))).data
  return reply.status === 200 && (billing?.hasReachedLimit === true || billing?.limitReached === true)
}

/** The body's shape is nowhere described: whatever of it is known. */
export function readComplaint(body: unknown): UpstreamComplaint {
  if (typeof body === 'string') return { message: body }
  const said = CtoComplaint.safeParse(body).data
  if (!said) return {}
  const inner = typeof said.error === 'string' ? { message: said.error } : said.error
  const message = said.message ?? inner?.message
  const isExhausted = said.hasReachedLimit === true || said.limitReached === true
  const code = isExhausted ? 'insufficient_quota' : (said.code ?? inner?.code)
  return { ...(message != null && { message }), ...(code != null && { code }) }
}
