import type { ReplyHeaders } from './reply-headers.ts'

/** Limits for one header, in characters and cookies. Browsers send far less. */
const maxLength = 256 * 1024
const maxCookies = 300

/**
 * Reads the cookies of a `Cookie` header; values are not decoded. Of two cookies with the same name the first counts, as
 * on servers (RFC 6265, 5.4: the more specific one comes first). A part that is not a cookie is skipped.
 */
export function parseCookieHeader(header: string): Map<string, string> {
  const cookies = new Map<string, string>()
  if (header.length > maxLength) return cookies
  for (const pair of header.replace(/^\s*cookie:/i, '').split(';', maxCookies)) {
    const cookie = nameAndValue(pair)
    if (cookie && !cookies.has(cookie.name)) cookies.set(cookie.name, cookie.value)
  }
  return cookies
}

/** A cookie that a reply sets. */
export interface SetCookie {
  readonly name: string
  readonly value: string
  /** True if the reply deletes the cookie: its value is empty, or its end is in the past. */
  readonly isDeleted: boolean
}

/**
 * Reads the cookies that a reply sets or deletes, in order (RFC 6265, 5.2).
 * @param now milliseconds since 1970
 */
export function parseSetCookie(headers: ReplyHeaders, now: number): readonly SetCookie[] {
  return headers
    .getSetCookie()
    .slice(0, maxCookies)
    .filter(({ length }) => length <= maxLength)
    .flatMap((line) => {
      const [pair = '', ...attributes] = line.split(';')
      const cookie = nameAndValue(pair)
      return cookie ? [{ ...cookie, isDeleted: cookie.value === '' || hasEnded(attributes, now) }] : []
    })
}

function nameAndValue(pair: string): { readonly name: string; readonly value: string } | undefined {
  const at = pair.indexOf('=')
  const name = pair.slice(0, at).trim()
  if (at === -1 || name === '') return undefined
  const value = pair.slice(at + 1).trim()
  return { name, value: /^".*"$/.test(value) ? value.slice(1, -1) : value }
}

/** `Max-Age` wins over `Expires`; the last valid one of each counts. */
function hasEnded(attributes: readonly string[], now: number): boolean {
  const last = (name: string) =>
    attributes
      .map(nameAndValue)
      .flatMap((attribute) => (attribute?.name.toLowerCase() === name ? [attribute.value] : []))
      .at(-1)
  const maxAge = last('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0
  // an invalid date is NaN, and no comparison with NaN is true
  return Date.parse(last('expires') ?? '') <= now
}
