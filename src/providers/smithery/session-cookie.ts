import { parseCookieHeader } from '../../wire/cookies.ts'
import { jsonOrUndefined } from '../../wire/json.ts'

/** Limit for the characters of a cookie's value; longer values are cut into chunks. @supabase/ssr, chunker */
const chunkLength = 3180
const base64Prefix = 'base64-'

/** A cookie as written in a header. */
export interface Cookie {
  readonly name: string
  readonly value: string
}

/** Writes a session's JSON as the cookies of a browser: base64url, in chunks if it is long. @supabase/ssr, cookies */
export function writeSessionCookies(name: string, json: string): readonly Cookie[] {
  // the value needs no percent-encoding, so a chunk can end anywhere
  const value = base64Prefix + Buffer.from(json).toString('base64url')
  if (value.length <= chunkLength) return [{ name, value }]
  return Array.from({ length: Math.ceil(value.length / chunkLength) }, (_, at) => ({
    name: `${name}.${at}`,
    value: value.slice(at * chunkLength, (at + 1) * chunkLength),
  }))
}

/** The session in a pasted text. */
export interface PastedSession {
  /** A session object, parsed but not checked. */
  readonly value: unknown
  /** The cookie's name, if the text has it. */
  readonly cookieName?: string
}

/**
 * Finds the session in a pasted text: a session's JSON or the older list of tokens, a `base64-…` value, each of them also
 * percent-encoded, or a whole `Cookie` header with the session in one cookie or in chunks.
 * @returns undefined if the text has none
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

/** Reads a cookie's value: JSON, or `base64-` and JSON in base64url, each with or without percent-encoding. */
function readValue(text: string): unknown {
  const plain = /^[[{]/.test(text) ? text : decodePercent(text)
  const json = plain?.startsWith(base64Prefix) ? decodeBase64(plain.slice(base64Prefix.length)) : plain
  const value = json === undefined ? undefined : jsonOrUndefined(json)
  return Array.isArray(value) ? fromList(value) : value
}

/** Reads the older form: a list of access token, refresh token, and the two tokens of the sign-in provider. */
function fromList([access_token, refresh_token, provider_token, provider_refresh_token]: readonly unknown[]): unknown {
  return { access_token, refresh_token, provider_token, provider_refresh_token, token_type: 'bearer' }
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Decodes base64url as @supabase/ssr does: it ignores white space and padding, and refuses all other characters. */
function decodeBase64(text: string): string | undefined {
  const digits = text.replace(/[ \t\r\n=]/g, '')
  return /^[\w-]*$/.test(digits) ? Buffer.from(digits, 'base64url').toString() : undefined
}

/** The cookies that may contain a session, each as one value, joined from its chunks if it has them. */
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
