import { Secret } from '../chat/secret.ts'
import { readJwt } from '../wire/jwt.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

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

/**
 * @param value a session object, parsed
 * @param now milliseconds since 1970; absent for a session of unknown age
 * @returns undefined for a value that is not a session, or lacks its user or its end
 */
export function readSession(value: unknown, now?: number): SupabaseSession | undefined {
  const parsed = schemas().SessionObject.safeParse(value)
  if (!parsed.success) return undefined
  const { access_token: accessToken, refresh_token: refreshToken, expires_at, expires_in, user } = parsed.data
  const { sub, exp, iat } = schemas().Claims.parse(readJwt(accessToken) ?? {})
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
