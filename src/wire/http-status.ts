import { ChatError, type Reason } from '../chat/error.ts'
import { excerpt, redact } from '../chat/secret.ts'
import type { HttpReply } from './http-reply.ts'
import { jsonOrUndefined } from './json.ts'
import { msUntilReset } from './quota-headers.ts'
import type { ReplyHeaders } from './reply-headers.ts'
import { SseDecoder } from './sse.ts'
import { verdict } from './verdict.ts'
import { waitInWords } from './wait-in-words.ts'

/** An upstream's error body, as far as its dialect could read it. */
export interface UpstreamComplaint {
  readonly message?: string
  readonly code?: string
  readonly type?: string
  readonly param?: string
}

/** Reasons for which the caller gets the upstream's own words, because they say how to correct the request. */
const tellsCaller = new Set<Reason>(['invalid-request', 'content-filtered', 'model-not-found', 'too-large'])

/** What is known of a reply before its body. */
export interface RefusalHead {
  /** The HTTP status, or the status in an error object inside a 200; 0 if it has none. */
  readonly status: number
  readonly headers?: ReplyHeaders
  /** When the head came, in milliseconds since 1970. A date in `Retry-After` is compared with it. */
  readonly receivedAt?: number
}

/**
 * Makes a ChatError of an upstream's refusal. An upstream's 401, 402 and 403 are about our account there, never about the client's key.
 */
export function statusError(head: RefusalHead, complaint: UpstreamComplaint): ChatError {
  const { status } = head
  const { reason, code } = verdict(status, complaint)
  const said = cleanMessage(complaint.message)
  const mends = tellsCaller.has(reason)
  const isLimit = reason === 'rate-limited' || reason === 'quota-exhausted'
  const retryAfterMs = statedWait(head) ?? (isLimit ? limitWait(head, complaint) : undefined)
  return new ChatError(reason, {
    message: mends && said ? said : `${ownWords(reason, status)}${said && ` It said: ${said}`}`,
    ...(status && { upstreamStatus: status }),
    ...(code
      ? { code }
      : mends && complaint.code && { code: redact(excerpt(complaint.code, 100)), isCodeQuoted: true }),
    ...(mends && complaint.param && { param: excerpt(complaint.param, 200) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function statedWait({ headers, receivedAt }: RefusalHead): number | undefined {
  return headers && parseRetryAfter(headers, receivedAt)
}

/** A service without `Retry-After` states the end of a limit in other headers, or in words. */
function limitWait({ headers, receivedAt }: RefusalHead, { message = '' }: UpstreamComplaint): number | undefined {
  const wait = headers && receivedAt !== undefined ? msUntilReset({ headers, receivedAt }) : undefined
  return wait ?? waitInWords(message, receivedAt)
}

function ownWords(reason: Reason, status: number): string {
  const withStatus = status ? ` (HTTP ${status})` : ''
  switch (reason) {
    case 'account-refused':
      return `The upstream refused the gateway's account${withStatus}.`
    case 'quota-exhausted':
      return `The upstream account has no credit left${withStatus}.`
    case 'rate-limited':
      return `The upstream limits how often it may be asked${withStatus}.`
    case 'busy':
      return `The upstream is busy with something else${withStatus}.`
    case 'overloaded':
      return `The upstream is overloaded${withStatus}.`
    case 'timeout':
      return `The upstream ran out of time${withStatus}.`
    default:
      return `The upstream failed${withStatus}.`
  }
}

/** Shortens a message to 300 characters, and removes control characters, users and queries of URLs, and any HTML page. */
function cleanMessage(message: string | undefined): string {
  if (!message || /<(!doctype|html|head|body|script)\b/i.test(message)) return ''
  return redact(message)
    .slice(0, 4_000)
    .replace(/(https?:\/\/)[^\s/?#@]*@/gi, '$1')
    .replace(/(https?:\/\/[^\s?#]*)[?#]\S*/gi, '$1')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 300)
    .replace(/[\ud800-\udbff]$/, '')
    .toWellFormed()
    .trim()
}

const hourMs = 3_600_000

/**
 * Milliseconds to wait before another attempt: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date; an hour at
 * most. An invalid value is ignored.
 */
export function parseRetryAfter(headers: ReplyHeaders, now = Number.NaN): number | undefined {
  const exact = headers.get('retry-after-ms')
  if (exact && /^\d{1,9}$/.test(exact)) return Math.min(Number(exact), hourMs)
  const value = headers.get('retry-after')
  if (!value) return undefined
  if (/^\d{1,9}(\.\d{1,3})?$/.test(value)) return Math.min(Number(value) * 1000, hourMs)
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - now), hourMs)
}

/** Whether a status means a success with a body. Some services answer with 201 or 202. */
export function hasAnswer(status: number): boolean {
  return status >= 200 && status < 300 && status !== 204 && status !== 205
}

/** Limit for the bytes of an error body. A longer body is not read. */
const maxComplaintBytes = 64 * 1024

/**
 * Makes a ChatError of a reply that is not a success. Reads its body, or discards it.
 * @param read reads the parsed body as the upstream's dialect defines it
 */
export async function refusal(reply: HttpReply, read: (body: unknown) => UpstreamComplaint): Promise<ChatError> {
  const text = await reply.text(maxComplaintBytes).catch(() => '')
  const isRedirect = reply.status >= 300 && reply.status < 400
  if (!isRedirect && isPage(reply.headers, text)) return pageError(reply, text)
  return statusError(reply, read(parsed(text)))
}

/**
 * Whether a reply is a web page: Cloudflare answered in place of the upstream, the text begins like a page, or the content
 * type is HTML and the text does not begin like an answer.
 */
export function isPage(headers: ReplyHeaders, text = ''): boolean {
  if (headers.has('cf-mitigated') || /^\s*<(!doctype|html|head|body|[?]xml|error)\b/i.test(text)) return true
  return /^\s*text\/html/i.test(headers.get('content-type') ?? '') && !beginsAsAnswer(text)
}

/** Whether a text begins like JSON or like server-sent events. */
function beginsAsAnswer(text: string): boolean {
  return /^\s*([{["]|(data|event|id|retry|error)?\s*:)/i.test(text)
}

/** Returns an error body as JSON, even if the JSON is in an event; otherwise its text. */
function parsed(text: string): unknown {
  const value = jsonOrUndefined(text)
  if (value !== undefined) return value
  const decoder = new SseDecoder()
  const frames = [...(decoder.push(new TextEncoder().encode(text)) ?? []), ...(decoder.end() ?? [])]
  const said = frames.map(({ data }) => jsonOrUndefined(data)).find((each) => typeof each === 'object' && each !== null)
  return said ?? text
}

const challengeMarks = /cf-challenge|challenge-platform|just a moment|attention required|captcha|cf_chl_/i

/** An API explains these reasons in JSON. If the body is a page instead, something other than the API answered. */
const saidInJson = new Set<Reason>(['invalid-request', 'model-not-found'])

/**
 * The error for an HTML page in place of JSON or a stream: a bot challenge if it looks like one, otherwise a bad response.
 * The page itself is not passed on.
 */
export function pageError(head: RefusalHead, page: string): ChatError {
  const { status, headers } = head
  if (headers?.get('cf-mitigated') === 'challenge' || challengeMarks.test(page)) {
    return new ChatError('challenged', {
      message: 'The upstream asks for a proof of being human, which the gateway does not give.',
      upstreamStatus: status,
    })
  }
  if (status >= 400 && !saidInJson.has(verdict(status, {}).reason) && status !== 403) return statusError(head, {})
  return new ChatError('upstream-failed', {
    message: 'The upstream sent a web page instead of an answer.',
    code: 'upstream_bad_response',
    upstreamStatus: status,
  })
}
