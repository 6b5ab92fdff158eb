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
  /** Whether the server takes another request on this connection. */
  readonly keepsAlive: boolean
  /** How long the server says that it waits for one, in milliseconds. */
  readonly keepAliveMs: number | undefined
}

/** RFC 9112, section 4. The words after the status may be missing, and mean nothing. */
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
/** RFC 9110, section 5.6.2 */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110, section 5.5 */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
/** More digits than these are no length that anything has. */
const decimal = /^\d{1,15}$/

/**
 * Reads the lines of a reply's head strictly: what two programs could read differently is refused, because the next
 * reply on the connection would begin where the other program thinks that this one ends.
 * @param lines in Latin-1, without their line ends
 * @throws ChatError `upstream-failed`
 */
export function readHead([first = '', ...lines]: readonly string[], method: string): ReplyHead {
  const [, minor, digits] = statusLine.exec(first) ?? []
  if (minor === undefined) throw invalidReply('its first line is not a status line of HTTP/1.1')
  const status = Number(digits)
  const fields = lines.map(readField)
  const framing = framingOf(fields, isBodiless(status, method))
  const options = valuesOf(fields, 'connection').join(',').toLowerCase()
  const stays = minor === '1' ? !/\bclose\b/.test(options) : /\bkeep-alive\b/.test(options)
  const timeout = /\btimeout=(\d{1,6})\b/i.exec(valuesOf(fields, 'keep-alive').join(','))?.[1]
  return {
    status,
    headers: new Headers(fields.map(([name, value]) => [name, value])),
    framing,
    // RFC 9112, section 6.1: an HTTP/1.0 server that says `chunked` may have copied it from elsewhere
    keepsAlive: stays && framing.type !== 'until-close' && !(minor === '0' && framing.type === 'chunked'),
    keepAliveMs: timeout === undefined ? undefined : Number(timeout) * 1_000,
  }
}

type Field = readonly [name: string, value: string]

/** @throws ChatError for what is not a header, among it a line that continues the one before it (RFC 9112, section 5.2) */
export function readField(line: string): Field {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '')
  if (!headerName.test(name)) throw invalidReply('one of its headers has no valid name')
  if (!headerValue.test(value)) throw invalidReply(`its header ${name.slice(0, 40)} has a forbidden character`)
  return [name, value]
}

/** RFC 9110, sections 6.4.1 and 15 */
function isBodiless(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304
}

function framingOf(fields: readonly Field[], isEmpty: boolean): Framing {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length > 0 && lengths.length > 0) throw invalidReply('it has both Content-Length and Transfer-Encoding')
  if (codings.length > 1 || (codings[0] !== undefined && codings[0].toLowerCase() !== 'chunked'))
    throw invalidReply('its Transfer-Encoding is not "chunked" alone')
  if (lengths.length > 1) throw invalidReply('it has more than one Content-Length')
  if (lengths[0] !== undefined && !decimal.test(lengths[0])) throw invalidReply('its Content-Length is not a number')
  if (isEmpty) return { type: 'empty' }
  if (codings.length > 0) return { type: 'chunked' }
  if (lengths[0] === undefined) return { type: 'until-close' }
  const length = Number(lengths[0])
  return length === 0 ? { type: 'empty' } : { type: 'counted', length }
}

function valuesOf(fields: readonly Field[], wanted: string): string[] {
  return fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

/** @param what completes "the upstream sent an invalid HTTP reply: " */
export function invalidReply(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream sent an invalid HTTP reply: ${what}.`,
    code: 'upstream_bad_response',
  })
}
