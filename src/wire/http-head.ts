import { ChatError } from '../chat/error.ts'

/** How a reply's body is delimited. RFC 9112, section 6.3 */
export type Framing =
  | { readonly type: 'empty' }
  | { readonly type: 'counted'; readonly length: number }
  | { readonly type: 'chunked' }
  | { readonly type: 'until-close' }

export interface ReplyHead {
  readonly status: number
  readonly headers: Headers
  readonly framing: Framing
  /** Whether the server accepts another request on this connection. */
  readonly keepsAlive: boolean
  /** Milliseconds for which the server says that it waits for another request. */
  readonly keepAliveMs: number | undefined
}

/** RFC 9112, section 4. The reason phrase after the status may be missing and has no meaning. */
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
/** RFC 9110, section 5.6.2 */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110, section 5.5 */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
/** No real length has more digits. */
const decimal = /^\d{1,15}$/
const empty = { type: 'empty' } as const

/**
 * Reads the lines of a reply's head. A head that two programs could read differently is refused, because they would
 * disagree about where the next reply on the connection begins. Harmless mistakes are accepted.
 * @param lines in Latin-1, without their line ends
 * @throws ChatError `upstream-failed`
 */
export function readHead([first = '', ...lines]: readonly string[], method: string): ReplyHead {
  const [, minor, digits] = statusLine.exec(first) ?? []
  if (minor === undefined) throw invalidReply('its first line is not a status line of HTTP/1.1')
  const status = Number(digits)
  const fields = lines.map(readField)
  const stated = framingOf(fields)
  const framing = isBodiless(status, method) ? empty : stated
  const options = valuesOf(fields, 'connection').join(',').toLowerCase()
  const stays = minor === '1' ? !/\bclose\b/.test(options) : /\bkeep-alive\b/.test(options)
  const timeout = /\btimeout=(\d{1,6})\b/i.exec(valuesOf(fields, 'keep-alive').join(','))?.[1]
  return {
    status,
    headers: new Headers(fields.map(([name, value]) => [name, value])),
    framing,
    keepsAlive: stays && framing.type !== 'until-close' && !mayEndElsewhere({ minor, status, stated }),
    keepAliveMs: timeout === undefined ? undefined : Number(timeout) * 1_000,
  }
}

type Field = readonly [name: string, value: string]

/** @throws ChatError for an invalid header line, and for a line that continues the one before it (RFC 9112, section 5.2) */
export function readField(line: string): Field {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  const value = withoutBlanks(line, colon + 1)
  if (!headerName.test(name)) throw invalidReply('one of its headers has no valid name')
  if (!headerValue.test(value)) throw invalidReply(`its header ${name.slice(0, 40)} has a forbidden character`)
  return [name, value]
}

/** Trims without a pattern: `[\t ]+$` takes quadratic time, 13 seconds for 60 KiB of blanks. */
function withoutBlanks(text: string, start = 0): string {
  let end = text.length
  while (start < end && isBlank(text, start)) start++
  while (start < end && isBlank(text, end - 1)) end--
  return text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 32 || code === 9
}

/** RFC 9110, sections 6.4.1 and 15 */
function isBodiless(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304
}

/** Whether we might be wrong about where the next reply begins. */
function mayEndElsewhere({ minor, status, stated }: { minor: string; status: number; stated: Framing }): boolean {
  // RFC 9112, section 6.1: an HTTP/1.0 server that says `chunked` may only repeat another server's header
  if (minor === '0' && stated.type === 'chunked') return true
  // a 204 has no body, but a server that states one may send it
  return status === 204 && (stated.type === 'chunked' || stated.type === 'counted')
}

/** How the headers delimit the body. A repeated length counts once; `identity`, from older HTTP, is ignored. */
function framingOf(fields: readonly Field[]): Framing {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length').flatMap((value) => value.split(','))
  const [length, ...others] = new Set(lengths.map((one) => withoutBlanks(one)))
  if (codings.length > 0 && length !== undefined) throw invalidReply('it has both Content-Length and Transfer-Encoding')
  if (others.length > 0) throw invalidReply('it has more than one Content-Length')
  if (length !== undefined && !decimal.test(length)) throw invalidReply('its Content-Length is not a number')
  const coding = codings.join().toLowerCase()
  if (codings.length > 0 && coding !== 'chunked' && coding !== 'identity')
    throw invalidReply('its Transfer-Encoding is not "chunked" alone')
  if (coding === 'chunked') return { type: 'chunked' }
  if (length === undefined) return { type: 'until-close' }
  return Number(length) === 0 ? empty : { type: 'counted', length: Number(length) }
}

function valuesOf(fields: readonly Field[], wanted: string): string[] {
  return fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

/** @param what completes the sentence "The upstream sent an invalid HTTP reply: …" */
export function invalidReply(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream sent an invalid HTTP reply: ${what}.`,
    code: 'upstream_bad_response',
  })
}
