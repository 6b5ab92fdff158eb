import { parseCookieHeader } from '../../wire/cookies.ts'
import { jsonOrUndefined } from '../../wire/json.ts'

/** Characters of a cookie's value; longer ones are cut into chunks. @supabase/ssr, chunker */
const chunkLength = 3180
const base64Prefix = 'base64-'

/** A cookie as it stands in a header. */
export interface Cookie {
  readonly name: string
  readonly value: string
}

/** A session's JSON as the cookies that a browser sends: base64url, in chunks where it is long. @supabase/ssr, cookies */
export function writeSessionCookies(name: string, json: string): readonly Cookie[] {
  // nothing in it is ever percent-encoded, so a chunk can end anywhere
  const value = base64Prefix + Buffer.from(json).toString('base64url')
  if (value.length <= chunkLength) return [{ name, value }]
  return Array.from({ length: Math.ceil(value.length / chunkLength) }, (_, at) => ({
    name: `${name}.${at}`,
    value: value.slice(at * chunkLength, (at + 1) * chunkLength),
  }))
}

/** What was found in what the operator pasted. */
export interface PastedSession {
  /** A session object, parsed and not looked at. */
  readonly value: unknown
  /** The cookie's name, where it was pasted along. */
  readonly cookieName?: string
}

/**
 * The session in a pasted text: a session's JSON or the older list of tokens, a `base64-…` value, either of them
 * percent-encoded, or a whole `Cookie` header with the session in one cookie or in chunks.
 * @returns undefined where there is none
 */
export function readPastedSession(text: string): PastedSession | undefined {
  const value = readValue(text.trim())
  if (value !== undefined) return { value }
  for (const [cookieName, whole] of sessionCookies(text)) {
    const inCookie = readValue(whole)
    if (inCookie !== undefined) return { value: inCookie, cookieName }
  }
  return undefined
}

/** A cookie's value: JSON, or `base64-` and JSON in base64url, either of them percent-encoded or not. */
function readValue(text: string): unknown {
  const plain = /^[[{]/.test(text) ? text : percentDecoded(text)
  const json = plain?.startsWith(base64Prefix) ? base64Decoded(plain.slice(base64Prefix.length)) : plain
  const value = json === undefined ? undefined : jsonOrUndefined(json)
  return Array.isArray(value) ? fromList(value) : value
}

/** The older form: access token, refresh token, and those of the provider it was signed in with. */
function fromList([access_token, refresh_token, provider_token, provider_refresh_token]: readonly unknown[]): unknown {
  return { access_token, refresh_token, provider_token, provider_refresh_token, token_type: 'bearer' }
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The decoder of @supabase/ssr ignores white space and padding, and takes nothing else. */
function base64Decoded(text: string): string | undefined {
  const digits = text.replace(/[ \t\r\n=]/g, '')
  return /^[\w-]*$/.test(digits) ? Buffer.from(digits, 'base64url').toString() : undefined
}

/** The cookies that may hold a session, each put together: whole where it is whole, else chunk by chunk. */
function sessionCookies(header: string): Map<string, string> {
  const cookies = parseCookieHeader(header)
  const found = new Map<string, string>()
  for (const name of cookies.keys()) {
    const base = /^(sb-[\w-]+-auth-token)(?:\.(?:0|[1-9]\d*))?$/.exec(name)?.[1]
    if (base) found.set(base, cookies.get(base) || chunksOf(cookies, base))
  }
  return found
}

function chunksOf(cookies: ReadonlyMap<string, string>, base: string): string {
  const chunks: string[] = []
  for (let chunk = cookies.get(`${base}.0`); chunk; chunk = cookies.get(`${base}.${chunks.length}`)) chunks.push(chunk)
  return chunks.join('')
}
