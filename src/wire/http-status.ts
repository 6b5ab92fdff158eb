import { ChatError, type Reason } from '../chat/error.ts'
import { excerpt, redact } from '../chat/secret.ts'
import type { HttpReply } from './http-reply.ts'

/** What an upstream's error body says, as far as its dialect could read it. */
export interface UpstreamComplaint {
  readonly message?: string
  readonly code?: string
  readonly type?: string
  readonly param?: string
}

interface Verdict {
  readonly reason: Reason
  readonly code?: string
}

/** reliability, section 3: the status alone. A code in the body may know better: see `byWord`. */
const byStatus: Readonly<Record<number, Verdict>> = {
  400: { reason: 'invalid-request' },
  401: { reason: 'account-refused' },
  402: { reason: 'quota-exhausted' },
  403: { reason: 'account-refused' },
  404: { reason: 'model-not-found' },
  405: { reason: 'upstream-outdated' },
  406: { reason: 'upstream-outdated' },
  408: { reason: 'timeout' },
  409: { reason: 'busy' },
  413: { reason: 'too-large' },
  415: { reason: 'upstream-outdated' },
  422: { reason: 'invalid-request' },
  // AI21: the model itself failed
  424: { reason: 'upstream-failed' },
  425: { reason: 'busy' },
  429: { reason: 'rate-limited' },
  498: { reason: 'account-refused' },
  499: { reason: 'upstream-failed' },
  503: { reason: 'overloaded' },
  504: { reason: 'timeout' },
  529: { reason: 'overloaded' },
}

/** Words that upstreams put into `code` or `type`, whatever the status. */
const byWord: readonly (readonly [RegExp, Verdict])[] = [
  [
    /^context_length_exceeded$|^model_max_prompt_tokens_exceeded$/,
    { reason: 'invalid-request', code: 'context_length_exceeded' },
  ],
  [
    /^content_filter$|^content_policy_violation$|^responsibleaipolicyviolation$/i,
    { reason: 'content-filtered', code: 'content_filter' },
  ],
  [/^insufficient_quota$|^billing_hard_limit_reached$|^insufficient_credits$/, { reason: 'quota-exhausted' }],
  [/^rate_limit(_exceeded|_error)?$/, { reason: 'rate-limited' }],
  [/^model_not_found$/, { reason: 'model-not-found' }],
  // Mistral
  [/^invalid_model$/, { reason: 'model-not-found', code: 'model_not_found' }],
  [/^invalid_api_key$|^authentication_error$/, { reason: 'account-refused' }],
  [/^(server_is_)?overloaded(_error)?$|^service_unavailable(_error)?$|^engine_overloaded$/, { reason: 'overloaded' }],
  [/^invalid_request_error$|^bad_?request(_?error)?$/i, { reason: 'invalid-request' }],
]

/** The caller's own mistakes, of which the upstream's words are passed on: they say how to mend it. */
const tellsCaller = new Set<Reason>(['invalid-request', 'content-filtered', 'model-not-found', 'too-large'])

/**
 * An upstream's refusal as a ChatError. An upstream's 401, 402 and 403 concern our account, never the client's key.
 * @param status the HTTP status, or what an error object inside a 200 gives as its status; 0 where it gives none
 */
export function statusError(status: number, headers: Headers, complaint: UpstreamComplaint): ChatError {
  const { reason, code } = verdict(status, complaint)
  const said = cleanMessage(complaint.message)
  const mends = tellsCaller.has(reason)
  const retryAfterMs = parseRetryAfter(headers, Date.now())
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

function verdict(status: number, complaint: UpstreamComplaint): Verdict {
  const exact = byWord.find(([word]) =>
    [complaint.code, complaint.type].some((said) => said !== undefined && word.test(said)),
  )?.[1]
  // 401 and 403 stay ours whatever the body calls them; `invalid_request_error` is too vague to overrule a status
  if (exact && (status === 0 || status === 200 || (exact.reason !== 'invalid-request' && status !== 401) || exact.code))
    return exact
  if (status >= 300 && status < 400) return { reason: 'upstream-outdated', code: 'upstream_redirect' }
  if (status >= 400 && status < 500) return byStatus[status] ?? { reason: 'invalid-request' }
  // 0 and 200 are an error object inside a 200; other statuses of success are no answer to a chat
  const isKnown = status === 0 || status === 200 || (status >= 500 && status < 600)
  return byStatus[status] ?? { reason: 'upstream-failed', ...(!isKnown && { code: 'upstream_bad_response' }) }
}

function ownWords(reason: Reason, status: number): string {
  const withStatus = status ? ` (HTTP ${status})` : ''
  switch (reason) {
    case 'account-refused':
      return `The upstream refused the gateway's account${withStatus}. Check its key with \`tributary check\`.`
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

/** At most 300 characters, without control characters; of a URL neither user nor query; nothing of an HTML page. */
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
 * Milliseconds until another try: `retry-after-ms`, then `Retry-After` in seconds or as an HTTP date, within an hour.
 * What is no such thing is as if it were not there.
 */
export function parseRetryAfter(headers: Headers, now: number): number | undefined {
  const exact = headers.get('retry-after-ms')
  if (exact && /^\d{1,9}$/.test(exact)) return Math.min(Number(exact), hourMs)
  const value = headers.get('retry-after')
  if (!value) return undefined
  if (/^\d{1,9}(\.\d{1,3})?$/.test(value)) return Math.min(Number(value) * 1000, hourMs)
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - now), hourMs)
}

/** Bytes of an error body that are read. */
const maxComplaintBytes = 64 * 1024

/**
 * Why a reply that is no success is none. Reads the body, or lets go of it.
 * @param read what the upstream's dialect makes of the parsed body
 */
export async function refusal(reply: HttpReply, read: (body: unknown) => UpstreamComplaint): Promise<ChatError> {
  const text = await reply.text(maxComplaintBytes).catch(() => '')
  const isRedirect = reply.status >= 300 && reply.status < 400
  if (!isRedirect && isPage(reply.headers, text)) return pageError(reply.status, reply.headers, text)
  return statusError(reply.status, reply.headers, read(parsed(text)))
}

/** Whether a reply is a web page, by what it says of itself, by how it begins, or because Cloudflare answered in place of the upstream. */
export function isPage(headers: Headers, text = ''): boolean {
  return (
    headers.has('cf-mitigated') ||
    /^\s*text\/html/i.test(headers.get('content-type') ?? '') ||
    /^\s*<(!doctype|html)/i.test(text)
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const challengeMarks = /cf-challenge|challenge-platform|just a moment|attention required|captcha|cf_chl_/i

/** An API says of these in JSON what is wrong: a page only proves that it was not the API that answered. */
const saidInJson = new Set<Reason>(['invalid-request', 'model-not-found'])

/**
 * An HTML page where JSON or a stream was due: a bot challenge if it bears the marks of one, else a bad response.
 * The page itself goes nowhere.
 */
export function pageError(status: number, headers: Headers, page: string): ChatError {
  if (headers.get('cf-mitigated') === 'challenge' || challengeMarks.test(page)) {
    return new ChatError('challenged', {
      message: 'The upstream asks for a proof of being human, which the gateway does not give.',
      upstreamStatus: status,
    })
  }
  if (status >= 400 && !saidInJson.has(verdict(status, {}).reason) && status !== 403)
    return statusError(status, headers, {})
  return new ChatError('upstream-failed', {
    message: 'The upstream sent a web page instead of an answer.',
    code: 'upstream_bad_response',
    upstreamStatus: status,
  })
}
