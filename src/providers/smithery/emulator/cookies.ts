import { z } from 'zod'
import { jsonOrUndefined } from '../../../wire/json.ts'

const Session = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  token_type: z.literal('bearer'),
  expires_at: z.number(),
  user: z.looseObject({ id: z.string() }),
})

/**
 * Finds the access token in the cookies of a request, as @supabase/ssr does on a server. The session is in one cookie
 * of that name, or in chunks from `.0` on. Its value is `base64-` and base64url, or plain JSON, and may be
 * percent-encoded.
 * @returns undefined if the cookies contain no valid session
 */
export function accessTokenIn(header: string, cookieName: string): string | undefined {
  const cookies = new Map(
    header
      .split('; ')
      .map((pair): [string, string] => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  let value = cookies.get(cookieName) ?? ''
  for (let at = 0; !cookies.get(cookieName) && cookies.has(`${cookieName}.${at}`); at++)
    value += cookies.get(`${cookieName}.${at}`)
  return Session.safeParse(jsonOrUndefined(jsonIn(value))).data?.access_token
}

function jsonIn(value: string): string {
  try {
    const decoded = decodeURIComponent(value)
    if (!decoded.startsWith('base64-')) return decoded
    const digits = decoded.slice('base64-'.length)
    return /^[A-Za-z0-9_-]*$/.test(digits) ? Buffer.from(digits, 'base64url').toString() : ''
  } catch {
    return ''
  }
}
