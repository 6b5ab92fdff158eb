import type { Account, KeepCredential, Renewal } from '../../accounts/account.ts'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { parseCookieHeader } from '../../wire/cookies.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { readJwt } from '../../wire/jwt.ts'
import type { Variables } from '../provider.ts'
import { type Browser, type Clerk, findSession, makeToken, type SessionName } from './clerk.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The credential for cto.new: a browser's cookie, which lasts, and a session token, which is valid for a minute. */
export interface CtoCredential {
  /** The value of `__client`, from which new session tokens are made. */
  readonly cookie: Secret
  /** Undefined before the first renewal. */
  readonly session?: CtoSession
}

export interface CtoSession {
  readonly id: string
  /** The user's id, which the socket uses as a key to the conversations. */
  readonly userId: Secret
  readonly organizationId?: string
  /** The session token, valid for 60 s. */
  readonly jwt: Secret
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export type CtoAccount = Account<CtoCredential>

/** Reads every `CLERK_COOKIE` as an account. An invalid one is reported by its name, never by its value. */
export function readAccounts(variables: Variables, clerk: Clerk): readonly CtoAccount[] {
  const renewal = renewalOf(clerk)
  const owners = new Map<string, string>()
  return variables.texts('CLERK_COOKIE').flatMap(({ name, secret }) => {
    const cookie = readCookie(secret.reveal())
    const owner = cookie && owners.get(cookie)
    if (cookie && !owner) {
      owners.set(cookie, name)
      return [{ label: name, credential: { cookie: new Secret(cookie) }, renewal }]
    }
    variables.report(
      owner ? { variable: name, problem: `is the cookie of ${owner}`, remedy: 'leave it out' } : noCookie(name),
    )
    return []
  })
}

function noCookie(variable: string) {
  return {
    variable,
    problem: 'does not contain a __client cookie of clerk.cto.new',
    remedy: 'sign in at cto.new, and copy the Cookie header of a request to clerk.cto.new, or the value of __client',
  }
}

/**
 * Finds the value of `__client` in a whole `Cookie` header, or accepts the value alone, which looks like a JSON Web
 * Token.
 */
export function readCookie(text: string): string | undefined {
  const value = text.includes('=') ? parseCookieHeader(text).get('__client') : text.trim()
  return value !== undefined && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? value : undefined
}

/** The account's session. The gateway renews the account before it is used. */
export function sessionOf({ credential }: CtoAccount): CtoSession {
  if (credential.session) return credential.session
  throw new ChatError('account-refused', { message: 'The account at cto.new has no session yet.' })
}

/** Milliseconds before a token's end at which the next one is requested. A token is valid for 60 s. */
const aheadMs = 12_000

function renewalOf(clerk: Clerk): Renewal<CtoCredential> {
  return {
    aheadMs,
    // an account without a session counts as ended
    expiresAt: ({ session }) => session?.expiresAt ?? 0,
    renew: (credential, signal, keep) => renew(clerk, credential, signal, keep),
    encode,
    decode,
  }
}

async function renew(
  clerk: Clerk,
  { cookie, session }: CtoCredential,
  signal: Cancel,
  keep?: KeepCredential<CtoCredential>,
): Promise<CtoCredential> {
  const browser: Browser = { cookie, keep: async (next) => keep?.({ cookie: next, ...(session && { session }) }) }
  const make = async (name: SessionName) => {
    const jwt = await makeToken(clerk, browser, name, signal)
    return jwt === undefined ? undefined : credentialOf(browser, name, jwt)
  }
  const find = () => findSession(clerk, browser, signal)
  const made = await make(session ? { id: session.id, organizationId: session.organizationId } : await find())
  if (made) return made
  // the browser no longer has this session, but may have another one
  const again = session && (await make(await find()))
  if (again) return again
  throw new ChatError('upstream-failed', { message: 'Clerk does not know the session that it has just named.' })
}

function credentialOf({ cookie }: Browser, { id, organizationId }: SessionName, jwt: string): CtoCredential {
  const claims = schemas().ClerkClaims.safeParse(readJwt(jwt)).data
  if (!claims)
    throw new ChatError('upstream-failed', {
      message: 'Clerk sent a token without the expected claims.',
      code: 'upstream_bad_response',
    })
  return {
    cookie,
    session: {
      id,
      userId: new Secret(claims.sub, 'held'),
      ...(organizationId !== undefined && { organizationId }),
      jwt: new Secret(jwt, 'held'),
      expiresAt: claims.exp * 1_000,
    },
  }
}

function encode({ cookie, session }: CtoCredential): string {
  const stored = session && { ...session, userId: session.userId.reveal(), jwt: session.jwt.reveal() }
  return JSON.stringify({ cookie: cookie.reveal(), session: stored })
}

function decode(text: string): CtoCredential | undefined {
  const stored = schemas().KeptCredential.safeParse(jsonOrUndefined(text)).data
  if (!stored) return undefined
  const { cookie, session } = stored
  if (!session) return { cookie: new Secret(cookie, 'held') }
  const { id, userId, organizationId, jwt, expiresAt } = session
  return {
    cookie: new Secret(cookie, 'held'),
    session: {
      id,
      userId: new Secret(userId, 'held'),
      ...(organizationId !== undefined && { organizationId }),
      jwt: new Secret(jwt, 'held'),
      expiresAt,
    },
  }
}
