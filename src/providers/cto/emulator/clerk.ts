import { randomUUID } from 'node:crypto'
import { signJwt } from '../../../sign-in/emulator/jwt.ts'
import { parseCookieHeader } from '../../../wire/cookies.ts'
import type { EmulatedRequest } from '../../../wire/emulator/http.ts'
import { type CtoState, type EmulatedReply, type EmulatedUser, emulatedApiVersion, emulatedOrigin } from './state.ts'

type ClerkReply = Exclude<EmulatedReply, string>

/** Clerk's Frontend API: `GET /v1/client` and `POST /v1/client/sessions/{id}/tokens`. */
export function answerClerk(state: CtoState, request: EmulatedRequest, url: URL): ClerkReply {
  const { headers } = request
  if (headers.get('origin') !== emulatedOrigin) return refuse(400, 'origin_invalid')
  if (url.searchParams.get('__clerk_api_version') !== emulatedApiVersion) return refuse(400, 'api_version_invalid')
  const cookie = parseCookieHeader(headers.get('cookie') ?? '').get('__client')
  const user = state.users.find((known) => known.cookie === cookie)
  if (!user) return refuse(401, 'signed_out')
  if (user.isBanned) return refuse(403, 'user_banned')
  const reply = answerUser(state, request, url, user)
  if (!state.options.rotates) return reply
  user.cookie = signJwt({ rotating_token: randomUUID() }, 'clerk')
  const setCookie = `__client=${user.cookie}; Path=/; HttpOnly; Secure; SameSite=Lax`
  return { ...reply, headers: { 'set-cookie': setCookie } }
}

function answerUser(state: CtoState, request: EmulatedRequest, url: URL, user: EmulatedUser): ClerkReply {
  const { method } = request
  if (method === 'GET' && url.pathname === '/v1/client') return { status: 200, body: clientOf(state, user) }
  const sessionId = /^\/v1\/client\/sessions\/([^/]+)\/tokens$/.exec(url.pathname)?.[1]
  if (method !== 'POST' || sessionId === undefined) return refuse(404, 'resource_not_found')
  return giveToken(state, request, { user, sessionId })
}

interface TokenRequest {
  readonly user: EmulatedUser
  readonly sessionId: string
}

function giveToken(state: CtoState, { headers, body }: EmulatedRequest, { user, sessionId }: TokenRequest): ClerkReply {
  if (headers.get('content-type') !== 'application/x-www-form-urlencoded')
    return refuse(400, 'form_param_format_invalid')
  const organization = new URLSearchParams(body).get('organization_id')
  if (organization !== null && organization !== user.organizationId) return refuse(404, 'resource_not_found')
  if (!user.sessions.includes(sessionId)) return refuse(404, 'resource_not_found')
  return { status: 200, body: { object: 'token', jwt: tokenOf(state, user, sessionId) } }
}

/** A session token, valid for a minute. */
function tokenOf({ now, tokenLife, signingKey }: CtoState, user: EmulatedUser, sessionId: string): string {
  const iat = Math.floor(now() / 1_000)
  const claims = {
    sub: user.userId,
    sid: sessionId,
    azp: emulatedOrigin,
    iat,
    nbf: iat - 10,
    exp: iat + tokenLife,
    v: 2,
    o: { id: user.organizationId },
    jti: randomUUID(),
  }
  return signJwt(claims, signingKey)
}

function clientOf({ now }: CtoState, user: EmulatedUser): object {
  if (user.sessions.length === 0) return { response: null, client: null }
  const sessions = user.sessions.map((id) => ({
    object: 'session',
    id,
    status: user.ended?.includes(id) ? 'ended' : 'active',
    expire_at: now() + 604_800_000,
    last_active_organization_id: user.organizationId,
    user: {
      object: 'user',
      id: user.userId,
      organization_memberships: [{ organization: { id: user.organizationId } }],
    },
  }))
  const last_active_session_id = user.lastActive ?? user.sessions[0]
  return { response: { object: 'client', id: 'client_TEST0001', last_active_session_id, sessions }, client: null }
}

function refuse(status: number, code: string): ClerkReply {
  return { status, body: { errors: [{ code, message: code, long_message: code, meta: {} }], clerk_trace_id: 'x' } }
}
