import { z } from 'zod'
import { Secret } from '../chat/secret.ts'
import { readJwt } from '../wire/jwt.ts'

/** A sign-in session of Supabase Auth. It never changes: a renewal makes a new one. */
export interface SupabaseSession {
  readonly accessToken: Secret
  /** Absent if the session came without one; then it cannot be renewed. */
  readonly refreshToken?: Secret
  /** When the access token ends, in milliseconds since 1970; 0 if that is unknown. */
  readonly expiresAt: number
  /** The user's UUID. */
  readonly userId: string
  /** The whole session object as JSON, with its tokens, as a browser keeps it. */
  readonly json: Secret
}

/** The answer of `/auth/v1/token` and `/auth/v1/signup`, which a browser keeps. Supabase Auth, AccessTokenResponse */
const SessionObject = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).nullish().catch(undefined),
  /** Seconds since 1970. */
  expires_at: z.number().positive().nullish().catch(undefined),
  /** Seconds. */
  expires_in: z.number().positive().nullish().catch(undefined),
  user: z.looseObject({ id: z.string().nullish() }).nullish().catch(undefined),
})

const Claims = z.looseObject({
  sub: z.string().optional().catch(undefined),
  exp: z.number().positive().optional().catch(undefined),
  iat: z.number().positive().optional().catch(undefined),
})

/**
 * @param value a session object, parsed
 * @param now milliseconds since 1970; absent for a session of unknown age
 * @returns undefined for a value that is not a session, or lacks its user or its end
 */
export function readSession(value: unknown, now?: number): SupabaseSession | undefined {
  const parsed = SessionObject.safeParse(value)
  if (!parsed.success) return undefined
  const { access_token: accessToken, refresh_token: refreshToken, expires_at, expires_in, user } = parsed.data
  const { sub, exp, iat } = Claims.parse(readJwt(accessToken) ?? {})
  const issuedAt = now === undefined ? iat : Math.floor(now / 1000)
  // the token's claim comes first, because the service checks this claim
  const endsAt = exp ?? expires_at ?? (expires_in ? endOf(expires_in, issuedAt) : undefined)
  const userId = user?.id ?? sub
  if (endsAt === undefined || !userId) return undefined
  const json = { ...parsed.data, expires_at: expires_at ?? (endsAt || undefined) }
  return {
    accessToken: new Secret(accessToken, 'held'),
    ...(refreshToken && { refreshToken: new Secret(refreshToken, 'held') }),
    expiresAt: endsAt * 1000,
    userId,
    json: new Secret(JSON.stringify(json), 'held'),
  }
}

/**
 * The end of a session in seconds since 1970. If its beginning is unknown, it counts as ended, so that it is renewed
 * first.
 */
function endOf(seconds: number, issuedAt: number | undefined): number {
  return issuedAt === undefined ? 0 : issuedAt + seconds
}
