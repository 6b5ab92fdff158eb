import { ChatError } from '../chat/error.ts'
import { HeaderLines, type ReplyHeaders, withoutBlanks } from './reply-headers.ts'

/** How a reply's body is delimited. RFC 9112, section 6.3 */
export type Framing =
  | { readonly type: 'empty' }
  | { readonly type: 'counted'; readonly length: number }
  | { readonly type: 'chunked' }
  | { readonly type: 'until-close' }

export interface ReplyHead {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly framing: Framing
  /** Whether the server accepts another request on this connection. */
  readonly keepsAlive: boolean
  /** Milliseconds for which the server says that it waits for another request. */
  readonly keepAliveMs: number | undefined
}

/** Limit for the headers of a head, and for the trailers. */
export const maxFields = 256
/** RFC 9112, section 4. The reason phrase after the status may be missing and has no meaning. */
const statusLine = /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?$/
/** RFC 9110, section 5.6.2 */
export const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110, section 5.5 */
export const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
/** A whole head of lines as above, each with CR LF at its end. One look at all lines is the cheapest. */
const head =
  /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n){0,256}$/
/** No real length has more digits. */
const decimal = /^\d{1,15}$/
const empty = { type: 'empty' } as const
const chunked = { type: 'chunked' } as const
const untilClose = { type: 'until-close' } as const

/** Whether all lines of a head are valid. @param text in Latin-1, with CR LF at the end of each line, without the empty line */
export function isValidHead(text: string): boolean {
  return head.test(text)
}

/** @param text a head that `isValidHead` refuses @returns the error that names the first mistake */
export function invalidHead(text: string): ChatError {
  const [first = '', ...lines] = text.split('\r\n').slice(0, -1)
  if (!statusLine.test(first)) return invalidReply('its first line is not a status line of HTTP/1.1')
  return lines.map(mistakeIn).find((mistake) => mistake !== undefined) ?? invalidReply('its head is invalid')
}

/** Returns the error for an invalid header line, and for one that continues the line before it (RFC 9112, section 5.2). */
export function mistakeIn(line: string): ChatError | undefined {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  if (!headerName.test(name)) return invalidReply('one of its headers has no valid name')
  if (headerValue.test(line.slice(colon + 1))) return undefined
  return invalidReply(`its header ${name.slice(0, 40)} has a forbidden character`)
}

/**
 * Reads a reply's head. A head that two programs could read differently is refused, because they would disagree about where
 * the next reply on the connection begins. Harmless mistakes are accepted.
 * @param text as `isValidHead` accepts it
 * @throws ChatError `upstream-failed`
 */
export function readHead(text: string, method: string): ReplyHead {
  const isOld = text.startsWith('HTTP/1.0')
  const status = Number(text.slice(9, 12))
  const headers = new HeaderLines(text.slice(text.indexOf('\r\n')))
  const stated = framingOf(headers)
  const framing = isBodiless(status, method) ? empty : stated
  return {
    status,
    headers,
    framing,
    keepsAlive:
      staysOpen(headers, isOld) && framing.type !== 'until-close' && !mayEndElsewhere({ isOld, status, stated }),
    keepAliveMs: keepAliveMsOf(headers),
  }
}

function staysOpen(headers: ReplyHeaders, isOld: boolean): boolean {
  const options = headers.get('connection')
  if (options === null) return !isOld
  return isOld ? /\bkeep-alive\b/i.test(options) : !/\bclose\b/i.test(options)
}

function keepAliveMsOf(headers: ReplyHeaders): number | undefined {
  const options = headers.get('keep-alive')
  const timeout = options === null ? undefined : /\btimeout=(\d{1,6})\b/i.exec(options)?.[1]
  return timeout === undefined ? undefined : Number(timeout) * 1_000
}

/** RFC 9110, sections 6.4.1 and 15 */
function isBodiless(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304
}

interface StatedEnd {
  readonly isOld: boolean
  readonly status: number
  readonly stated: Framing
}

/** Whether we might be wrong about where the next reply begins. */
function mayEndElsewhere({ isOld, status, stated }: StatedEnd): boolean {
  // RFC 9112, section 6.1: an HTTP/1.0 server that says `chunked` may only repeat another server's header
  if (isOld && stated.type === 'chunked') return true
  // a 204 has no body, but a server that states one may send it
  return status === 204 && (stated.type === 'chunked' || stated.type === 'counted')
}

/** How the headers delimit the body. `identity`, from older HTTP, is ignored. */
function framingOf(headers: ReplyHeaders): Framing {
  const length = headers.get('content-length')
  const coding = headers.get('transfer-encoding')
  if (coding !== null) {
    if (length !== null) throw invalidReply('it has both Content-Length and Transfer-Encoding')
    return codedFraming(coding.toLowerCase())
  }
  if (length === null) return untilClose
  const bytes = Number(decimal.test(length) ? length : repeatedLength(length))
  return bytes === 0 ? empty : { type: 'counted', length: bytes }
}

function codedFraming(coding: string): Framing {
  if (coding === 'chunked') return chunked
  if (coding === 'identity') return untilClose
  throw invalidReply('its Transfer-Encoding is not "chunked" alone')
}

/** A repeated length counts once. */
function repeatedLength(lengths: string): string {
  const [length = '', ...others] = new Set(lengths.split(',').map((one) => withoutBlanks(one)))
  if (others.length > 0) throw invalidReply('it has more than one Content-Length')
  if (!decimal.test(length)) throw invalidReply('its Content-Length is not a number')
  return length
}

/** @param what completes the sentence "The upstream sent an invalid HTTP reply: …" */
export function invalidReply(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream sent an invalid HTTP reply: ${what}.`,
    code: 'upstream_bad_response',
  })
}
