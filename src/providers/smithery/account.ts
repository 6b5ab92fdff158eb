import type { Account, Renewal } from '../../accounts/account.ts'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { readSession, type SupabaseSession } from '../../sign-in/session.ts'
import { type SupabaseProject, supabaseRenewal } from '../../sign-in/supabase.ts'
import { readJwt } from '../../wire/jwt.ts'
import type { NamedSecret, Variables } from '../provider.ts'
import { readPastedSession, writeSessionCookies } from './session-cookie.ts'

/** A session at smithery, as the cookies of a browser. */
export interface SmitheryCredential {
  readonly session: SupabaseSession
  readonly cookies: readonly { readonly name: string; readonly value: Secret }[]
  /** What the operator can do when the session ends, if it is not renewed. */
  readonly remedy?: string
}

export type SmitheryAccount = Account<SmitheryCredential>

/** The Supabase project of smithery.ai's sign-in. */
const defaultProject = 'https://spjawbfpwezjfmicopsl.supabase.co'

/** Reads every `SMITHERY_COOKIE` as an account. An invalid one is reported by its name, never by its value. */
export function readAccounts(variables: Variables): readonly SmitheryAccount[] {
  const settings = {
    url: variables.url('SMITHERY_SUPABASE_URL'),
    anonKey: variables.secrets('SMITHERY_SUPABASE_ANON_KEY')[0],
  }
  const owners = new Map<string, string>()
  return variables.texts('SMITHERY_COOKIE').flatMap(({ name, secret }) => {
    const account = readAccount({ name, secret }, settings)
    const token = account?.credential.session.accessToken.reveal()
    const owner = token && owners.get(token)
    if (token && account && !owner) {
      owners.set(token, name)
      return [account]
    }
    variables.report(
      owner ? { variable: name, problem: `is the session of ${owner}`, remedy: 'leave it out' } : noSession(name),
    )
    return []
  })
}

function noSession(variable: string) {
  return {
    variable,
    problem: 'does not contain a session of smithery.ai',
    remedy: "sign in there, and copy the whole Cookie header of a request, or the session's JSON",
  }
}

interface AccountSettings {
  readonly url: string | undefined
  readonly anonKey: NamedSecret | undefined
}

function readAccount({ name, secret }: NamedSecret, settings: AccountSettings): SmitheryAccount | undefined {
  const pasted = readPastedSession(secret.reveal())
  const session = readSession(pasted?.value)
  if (!session) return undefined
  const url = settings.url ?? projectOf(session, settings.anonKey)
  const cookieName = pasted?.cookieName ?? `sb-${new URL(url).hostname.split('.')[0]}-auth-token`
  const { anonKey } = settings
  const credential = credentialOf(cookieName, session)
  if (anonKey && session.refreshToken)
    return { label: name, credential, renewal: renewalOf(cookieName, { url, anonKey }) }
  const remedy = session.refreshToken
    ? 'set SMITHERY_SUPABASE_ANON_KEY, so that it can be renewed, or'
    : 'it has no refresh token to renew it with:'
  return { label: name, credential: { ...credential, remedy }, endsAt: session.expiresAt }
}

function credentialOf(cookieName: string, session: SupabaseSession): SmitheryCredential {
  const cookies = writeSessionCookies(cookieName, session.json.reveal())
  return { session, cookies: cookies.map(({ name, value }) => ({ name, value: new Secret(value, 'held') })) }
}

/** Renews the session, and makes new cookies of it. */
function renewalOf(cookieName: string, project: SupabaseProject): Renewal<SmitheryCredential> {
  const inner = supabaseRenewal(project)
  return {
    aheadMs: inner.aheadMs,
    expiresAt: ({ session }) => inner.expiresAt(session),
    renew: async ({ session }, signal) => credentialOf(cookieName, await inner.renew(session, signal)),
    encode: ({ session }) => inner.encode(session),
    decode: (text) => {
      const session = inner.decode(text)
      return session && credentialOf(cookieName, session)
    },
  }
}

/**
 * The project's URL from the session or the key. Only a URL at Supabase is accepted, because the refresh token is sent there
 * and a pasted text could name any host.
 */
function projectOf({ accessToken }: SupabaseSession, anonKey: NamedSecret | undefined): string {
  const issuer = readJwt(accessToken.reveal())?.iss
  const host = typeof issuer === 'string' ? URL.parse(issuer)?.hostname : undefined
  const ref = anonKey && readJwt(anonKey.secret.reveal())?.ref
  const refs = [/^([a-z0-9]+)\.supabase\.co$/.exec(host ?? '')?.[1], ref]
  const known = refs.find((found) => typeof found === 'string' && /^[a-z0-9]+$/.test(found))
  return known === undefined ? defaultProject : `https://${known}.supabase.co`
}

/**
 * Checks a session that was refused and is not renewed: if it has ended, a new login is needed.
 * @param now milliseconds since 1970
 * @throws ChatError `login-needed` if the session has ended
 */
export function checkSession({ label, credential }: SmitheryAccount, now: number): void {
  const { session, remedy } = credential
  if (!remedy || session.expiresAt > now) return
  throw new ChatError('login-needed', {
    message: `The session of ${label} has ended: ${remedy} sign in at smithery.ai, and copy the cookie again.`,
    upstreamStatus: 401,
  })
}
