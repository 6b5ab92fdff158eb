/** Limit for the characters of a token. */
const maxLength = 64 * 1024

/**
 * Reads the claims of a JSON Web Token (RFC 7519) without checking its signature. That is enough to see when our own token
 * ends. It is not enough to trust a token from someone else.
 * @returns undefined for text that is not a JSON Web Token
 */
export function readJwt(token: string): Readonly<Record<string, unknown>> | undefined {
  if (token.length > maxLength) return undefined
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)?.[1]
  if (payload === undefined) return undefined
  try {
    // the claims are base64url without padding. RFC 7515, section 2
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return isRecord(claims) ? claims : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
