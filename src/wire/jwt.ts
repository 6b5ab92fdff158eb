/** Characters of a token that are looked at. */
const maxLength = 64 * 1024

/**
 * What a JSON Web Token claims (RFC 7519), its signature not looked at: good enough to read when our own token ends, never
 * to trust somebody else's.
 * @returns undefined for what is no such token
 */
export function readJwt(token: string): Readonly<Record<string, unknown>> | undefined {
  if (token.length > maxLength) return undefined
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)?.[1]
  if (payload === undefined) return undefined
  try {
    // base64url, without padding; plain base64 would read `-` and `_` wrong
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return isRecord(claims) ? claims : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
