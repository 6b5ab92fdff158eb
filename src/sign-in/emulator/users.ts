import { signJwt, verifyJwt } from './jwt.ts'
import {
  EmulatedRotation,
  type RotationOptions,
  type RotationOutcome,
  type TokenFamily,
  type TokenSource,
  unpredictable,
} from './rotation.ts'

/** A session object as supabase/auth sends it. */
export interface EmulatedSession {
  readonly access_token: string
  readonly token_type: 'bearer'
  /** Seconds. */
  readonly expires_in: number
  /** Seconds since 1970. */
  readonly expires_at: number
  readonly refresh_token: string
  readonly user: { readonly id: string; readonly [member: string]: unknown }
}

interface UsersOptions extends RotationOptions {
  /** Seconds for which an access token is valid. */
  readonly expiresIn: number
}

/** Users, their sessions, and the tokens that were signed for them. */
export class EmulatedUsers {
  readonly #options: UsersOptions
  readonly #rotation: EmulatedRotation
  readonly #source: TokenSource
  readonly #key: string
  readonly #anonymous = new Set<string>()
  readonly #refused = new Set<string>()
  #issuer = ''
  #tokens = 0

  constructor(options: UsersOptions) {
    this.#options = options
    this.#source = options.source ?? unpredictable
    this.#key = Buffer.from(this.#source.randomBytes(32)).toString('hex')
    this.#rotation = new EmulatedRotation(options)
  }

  /** Sets the service's origin, which every token contains. */
  isAt(origin: string): void {
    this.#issuer = `${origin}/auth/v1`
  }

  /** A project's older public key, which is a token too. */
  anonKey(ref: string): string {
    return signJwt({ iss: 'supabase', ref, role: 'anon', iat: 1_700_000_000, exp: 2_000_000_000 }, this.#key)
  }

  signIn(isAnonymous: boolean): EmulatedSession {
    const userId = this.#source.newId()
    if (isAnonymous) this.#anonymous.add(userId)
    return this.#session(this.#rotation.begin(userId))
  }

  /** @returns a session, or the code of the refusal */
  refresh(token: string): EmulatedSession | string {
    const rotated: RotationOutcome = this.#rotation.rotate(token)
    return typeof rotated === 'string' ? rotated : this.#session(rotated)
  }

  /** How many sign-ins were revoked, because a token was used again that no rule accepts. */
  get revoked(): number {
    return this.#rotation.families().filter(({ active }) => active === undefined).length
  }

  /** Ends every session of a user. From then on the code `by` refuses its refresh tokens. */
  end(userId: string, by: 'user_banned' | 'session_expired' | 'session_not_found'): void {
    for (const family of this.#rotation.families()) if (family.userId === userId) family.endedBy = by
  }

  /** Refuses this access token from now on, although it has not expired. */
  refuse(accessToken: string): void {
    this.#refused.add(accessToken)
  }

  /** The claims of an access token, if the emulator signed it and it is still valid. */
  verify(accessToken: string): Readonly<Record<string, unknown>> | undefined {
    const claims = verifyJwt(accessToken, this.#key)
    const hasEnded = typeof claims?.exp !== 'number' || claims.exp * 1000 <= this.#options.now()
    return hasEnded || claims.role !== 'authenticated' || this.#refused.has(accessToken) ? undefined : claims
  }

  #session({ userId, sessionId, active = '' }: TokenFamily): EmulatedSession {
    const iat = Math.floor(this.#options.now() / 1000)
    const expires_at = iat + this.#options.expiresIn
    const isAnonymous = this.#anonymous.has(userId)
    const shared = { aud: 'authenticated', role: 'authenticated', is_anonymous: isAnonymous }
    const email = isAnonymous ? '' : 'user@example.test'
    const app_metadata = isAnonymous ? {} : { provider: 'github', providers: ['github'] }
    const claims = {
      ...shared,
      iss: this.#issuer,
      sub: userId,
      exp: expires_at,
      iat,
      email,
      app_metadata,
      // this claim gives tokens the two characters of base64url that base64 does not have
      user_metadata: { name: '~~~???ÿÿÿ' },
      session_id: sessionId,
      aal: 'aal1',
      amr: [{ method: isAnonymous ? 'anonymous' : 'oauth', timestamp: iat }],
      jti: String(++this.#tokens),
    }
    return {
      access_token: signJwt(claims, this.#key),
      token_type: 'bearer',
      expires_in: this.#options.expiresIn,
      expires_at,
      refresh_token: active,
      user: { ...shared, id: userId, email, phone: '', app_metadata, user_metadata: {}, identities: [] },
    }
  }
}
