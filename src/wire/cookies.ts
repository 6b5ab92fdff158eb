/** Characters of one header that are looked at, and cookies in it: browsers stop far below. */
const maxLength = 256 * 1024
const maxCookies = 300

/**
 * The cookies of a `Cookie` header, values as they stand there. Of two with one name the first holds, as with servers
 * (RFC 6265, 5.4: the more specific comes first). What is no cookie is passed over.
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
  /** True where the reply takes it away: it has ended before it begins. */
  readonly isDeleted: boolean
}

/**
 * The cookies that a reply sets or takes away, in their order (RFC 6265, 5.2).
 * @param now milliseconds since 1970
 */
export function parseSetCookie(headers: Headers, now = Date.now()): readonly SetCookie[] {
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

/** `Max-Age` wins over `Expires`; of either the last that makes sense holds. */
function hasEnded(attributes: readonly string[], now: number): boolean {
  const last = (name: string) =>
    attributes
      .map(nameAndValue)
      .flatMap((attribute) => (attribute?.name.toLowerCase() === name ? [attribute.value] : []))
      .at(-1)
  const maxAge = last('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0
  // NaN, for what is no date, is before nothing
  return Date.parse(last('expires') ?? '') <= now
}
