import { createHmac } from 'node:crypto'
import { readJwt } from '../../wire/jwt.ts'

/** Signs claims with HS256 (RFC 7515). */
export function signJwt(claims: object, key: string): string {
  const signed = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  return `${signed}.${signatureOf(signed, key)}`
}

/** Returns the claims if the signature was made with this key. It does not check whether the token has expired. */
export function verifyJwt(token: string, key: string): Readonly<Record<string, unknown>> | undefined {
  const signed = token.slice(0, token.lastIndexOf('.'))
  return token === `${signed}.${signatureOf(signed, key)}` ? readJwt(token) : undefined
}

function signatureOf(signed: string, key: string): string {
  return createHmac('sha256', key).update(signed).digest('base64url')
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
