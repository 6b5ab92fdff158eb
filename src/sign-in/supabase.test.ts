import { afterAll, describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { failureOf } from '../../test/failure.ts'
import { until } from '../../test/waiting.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import type { Script } from '../wire/emulator/script.ts'
import { newCancel } from '../wire/machine.double.ts'
import { signJwt } from './emulator/jwt.ts'
import { emulateSupabase, type SupabaseEmulator, type SupabaseEmulatorOptions } from './emulator/supabase.ts'
import { readSession, type SupabaseSession } from './session.ts'
import { signUpAnonymously, supabaseRenewal } from './supabase.ts'

const never = newCancel()
const json = { 'content-type': 'application/json' }
const keyName = 'THE_ANON_KEY'

const emulator = await emulateSupabase()
afterAll(() => emulator.close())

function projectAt({ origin, anonKey }: SupabaseEmulator, key = anonKey) {
  return { url: origin, anonKey: { name: keyName, secret: new Secret(key) } }
}

function sessionOf(value: unknown): SupabaseSession {
  const session = readSession(value)
  if (!session) throw new Error('no session')
  return session
}

const renewal = supabaseRenewal(projectAt(emulator))
const renewSession = (session: SupabaseSession, signal = never) => renewal.renew(session, signal)

describe('a session', () => {
  test('is renewed with another token for the same user', async () => {
    const old = sessionOf(emulator.signIn())
    const next = await renewSession(old)
    expect(next.userId).toBe(old.userId)
    expect(next.refreshToken?.reveal()).not.toBe(old.refreshToken?.reveal())
    expect(emulator.verify(next.accessToken.reveal())).toMatchObject({ sub: old.userId })
    expect(renewal.expiresAt(next)).toBe(Number(emulator.verify(next.accessToken.reveal())?.exp) * 1000)
    expect(renewal.aheadMs).toBe(90_000)
    const sent = emulator.requests.at(-1)
    expect(sent).toMatchObject({ method: 'POST', path: '/auth/v1/token?grant_type=refresh_token' })
    expect(sent?.headers.get('authorization')).toBe(`Bearer ${emulator.anonKey}`)
    expect(JSON.parse(sent?.body ?? '')).toEqual({ refresh_token: old.refreshToken?.reveal() })
  })

  test('is stored as text and read again unchanged', () => {
    const session = sessionOf(emulator.signIn())
    const again = renewal.decode(renewal.encode(session))
    expect(again && renewal.encode(again)).toBe(renewal.encode(session))
    expect(again?.accessToken.reveal()).toBe(session.accessToken.reveal())
    expect(again?.expiresAt).toBe(session.expiresAt)
    for (const text of ['', '{}', '[]', 'null', '{"access_token":""}', renewal.encode(session).slice(0, -1)])
      expect(renewal.decode(text)).toBeUndefined()
  })

  test('never shows its tokens', () => {
    const given = emulator.signIn()
    const shown = inspect(sessionOf(given), { depth: 9 }) + JSON.stringify(sessionOf(given))
    expect(shown).not.toContain(given.refresh_token)
    expect(shown).not.toContain(given.access_token)
  })

  test('ends with its token, or at its own time if the token has no end', () => {
    const jwt = (claims: object) => signJwt({ sub: 'u-1', ...claims }, 'any key')
    expect(readSession({ access_token: jwt({ exp: 1_000 }), expires_at: 2_000 })?.expiresAt).toBe(1_000_000)
    expect(readSession({ access_token: jwt({}), expires_at: 2_000 })?.expiresAt).toBe(2_000_000)
    expect(readSession({ access_token: jwt({}), expires_in: 60 }, 5_000)?.expiresAt).toBe(65_000)
    expect(readSession({ access_token: jwt({ iat: 100 }), expires_in: 60 })?.expiresAt).toBe(160_000)
    expect(readSession({ access_token: jwt({ iat: 100 }), expires_in: 60 }, 5_000)?.expiresAt).toBe(65_000)
    const aged = readSession({ access_token: jwt({}), expires_in: 60 })
    expect(aged?.expiresAt).toBe(0)
    expect(aged?.json.reveal()).not.toContain('expires_at')
    expect(readSession(JSON.parse(aged?.json.reveal() ?? ''))).toMatchObject({ userId: 'u-1', expiresAt: 0 })
    expect(readSession({ access_token: jwt({}) })).toBeUndefined()
    expect(readSession({ access_token: jwt({ exp: 1 }) })?.userId).toBe('u-1')
    expect(readSession({ access_token: 'opaque', expires_at: 1 })).toBeUndefined()
  })

  test('without a refresh token needs a login, without a request', async () => {
    const { refresh_token: _, ...without } = emulator.signIn()
    const asked = emulator.requests.length
    expect(await failureOf(renewSession(sessionOf(without)))).toMatchObject({ reason: 'login-needed' })
    expect(emulator.requests.length).toBe(asked)
  })
})

describe('a refusal', () => {
  const reply = (status: number, body: object | string, headers: Record<string, string> = {}): Script => ({
    status,
    headers: { ...json, ...headers },
    body: [typeof body === 'string' ? body : JSON.stringify(body)],
  })
  const page = '<!doctype html><title>Just a moment...</title>'
  const rows: readonly (readonly [Script, string, string])[] = [
    [
      reply(400, { code: 400, error_code: 'refresh_token_not_found', msg: 'x' }),
      'login-needed',
      'upstream_login_needed',
    ],
    [reply(400, { code: 'refresh_token_already_used', message: 'x' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { code: 400, error_code: 'session_not_found', msg: 'x' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { code: 'session_expired', message: 'x' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { code: 'validation_failed', message: 'x' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, {}, { 'x-sb-error-code': 'session_expired' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { error: 'invalid_grant', error_description: 'x' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { msg: 'Invalid Refresh Token: Already Used' }), 'login-needed', 'upstream_login_needed'],
    [reply(400, { code: 'user_banned', message: 'x' }), 'account-banned', 'upstream_banned'],
    [reply(400, { msg: 'Invalid Refresh Token: User Banned' }), 'account-banned', 'upstream_banned'],
    [reply(429, { code: 'over_request_rate_limit', message: 'x' }), 'rate-limited', 'rate_limit_exceeded'],
    [reply(401, { message: 'Invalid API key', hint: 'x' }), 'upstream-failed', 'upstream_configuration'],
    [reply(401, { message: 'No API key found in request' }), 'upstream-failed', 'upstream_configuration'],
    [reply(400, { error: 'invalid_request', error_description: 'x' }), 'upstream-failed', 'upstream_error'],
    [reply(400, 'no json'), 'upstream-failed', 'upstream_error'],
    [reply(404, { error: 'requested path is invalid' }), 'upstream-failed', 'upstream_error'],
    [reply(302, '', { location: 'http://127.0.0.1:1/' }), 'upstream-failed', 'upstream_error'],
    // a server's internal error proves nothing, even if its body names a cause
    [reply(500, { code: 'refresh_token_not_found', error_id: 'x' }), 'upstream-failed', 'upstream_error'],
    [reply(503, { code: 'unexpected_failure' }), 'upstream-failed', 'upstream_error'],
    [reply(403, page, { 'content-type': 'text/html' }), 'challenged', 'upstream_blocked'],
    [reply(200, page, { 'content-type': 'text/html' }), 'challenged', 'upstream_blocked'],
    [reply(200, '{}'), 'upstream-failed', 'upstream_bad_response'],
    [reply(200, 'no json'), 'upstream-failed', 'upstream_bad_response'],
    [reply(200, { access_token: 'a', user: { id: 'u' }, expires_at: 9 }), 'upstream-failed', 'upstream_bad_response'],
    [{ ...reply(200, '{"access_token":"'), ending: 'rst', endDelayMs: 20 }, 'upstream-failed', 'upstream_disconnected'],
    [{ framing: 'raw', ending: 'fin' }, 'upstream-failed', 'upstream_disconnected'],
  ]
  for (const [script, reason, code] of rows)
    test(`${script.status ?? 'none'} ${[...(script.body ? [script.body].flat() : [])]} is ${code}`, async () => {
      emulator.fault({ script })
      const failure = await failureOf(renewSession(sessionOf(emulator.signIn())))
      expect(failure).toMatchObject({ reason, code })
    })

  test('of the key names the key’s variable', async () => {
    const wrong = supabaseRenewal(projectAt(emulator, 'a key of another project'))
    const failure = await failureOf(wrong.renew(sessionOf(emulator.signIn()), never))
    expect(failure).toMatchObject({ code: 'upstream_configuration', upstreamStatus: 401 })
    expect(failure.message).toContain(keyName)
  })

  test('has the time to wait, if there is one', async () => {
    emulator.fault({ script: reply(429, {}, { 'retry-after': '7' }) })
    expect(await failureOf(renewSession(sessionOf(emulator.signIn())))).toMatchObject({ retryAfterMs: 7_000 })
  })

  test('repeats no token', async () => {
    const given = emulator.signIn()
    emulator.fault({ script: reply(400, { error: given.refresh_token, message: given.refresh_token }) })
    expect(inspect(await failureOf(renewSession(sessionOf(given))))).not.toContain(given.refresh_token)
  })

  test('that never arrives is no longer awaited when the signal is aborted', async () => {
    emulator.fault({ script: { framing: 'raw', ending: 'stall' } })
    const leaving = newCancel()
    const asked = emulator.requests.length
    const failed = failureOf(renewSession(sessionOf(emulator.signIn()), leaving))
    await until(() => emulator.requests.length > asked, 20_000, 'the request')
    leaving.abort(new ChatError('cancelled', { message: 'enough' }))
    expect(await failed).toMatchObject({ reason: 'cancelled' })
  })
})

describe('an anonymous session', () => {
  const withEmulator = async (options: SupabaseEmulatorOptions, run: (own: SupabaseEmulator) => Promise<void>) => {
    const own = await emulateSupabase(options)
    await run(own).finally(() => own.close())
  }

  test('is given to anyone, and can be renewed', async () => {
    const session = await signUpAnonymously(projectAt(emulator), never)
    expect(emulator.verify(session.accessToken.reveal())).toMatchObject({ is_anonymous: true, sub: session.userId })
    expect((await renewSession(session)).userId).toBe(session.userId)
  })

  test('is given thirty times an hour, and again later', async () => {
    let now = 1_800_000_000_000
    await withEmulator({ now: () => now }, async (own) => {
      const signUp = () => signUpAnonymously(projectAt(own), never)
      for (let at = 0; at < 30; at++) await signUp()
      expect(await failureOf(signUp())).toMatchObject({ reason: 'rate-limited', retryAfterMs: 120_000 })
      now += 120_000
      await signUp()
      expect(own.counts.signUps).toBe(31)
    })
  })

  for (const [anonymous, code] of [
    ['disabled', 'upstream_configuration'],
    ['captcha', 'upstream_blocked'],
  ] as const)
    test(`is refused with ${code} if the emulator’s option is ${anonymous}`, () =>
      withEmulator({ anonymous }, async (own) => {
        expect(await failureOf(signUpAnonymously(projectAt(own), never))).toMatchObject({ code })
      }))
})

describe('a lost reply', () => {
  for (const rule of ['documented', 'strict', 'v2'] as const)
    test(`loses no session by the rule ${rule}, because the same token is accepted again`, async () => {
      const own = await emulateSupabase({ rule })
      try {
        const mine = supabaseRenewal(projectAt(own))
        const session = sessionOf(own.signIn())
        own.fault({ script: { framing: 'raw', ending: 'rst' }, isDone: true })
        expect(asChatError(await failureOf(mine.renew(session, never))).reason).toBe('upstream-failed')
        const again = await mine.renew(session, never)
        expect(own.verify(again.accessToken.reveal())).toBeDefined()
        await mine.renew(again, never)
        expect(own.counts).toMatchObject({ renewals: 3, refusals: 0 })
      } finally {
        await own.close()
      }
    })
})
