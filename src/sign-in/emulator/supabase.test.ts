import { describe, expect, test } from 'bun:test'
import { emulateSupabase, type SupabaseEmulator, type SupabaseEmulatorOptions } from './supabase.ts'

let now = 1_800_000_000_000

/** Starts an emulator and a client that writes its requests by hand, so that it can make mistakes. */
async function withEmulator(
  options: SupabaseEmulatorOptions,
  run: (emulator: HandWrittenClient) => Promise<void>,
): Promise<void> {
  const emulator = await emulateSupabase({ now: () => now, ...options })
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${emulator.origin}/auth/v1/${path}`, {
      method: 'POST',
      headers: { apikey: emulator.anonKey, ...headers },
      body: JSON.stringify(body),
    })
    const reply: SignInReply = JSON.parse(await response.text())
    return { status: response.status, headers: response.headers, reply }
  }
  const refresh = async (token: string) => {
    const { reply } = await post('token?grant_type=refresh_token', { refresh_token: token })
    return reply.refresh_token ?? reply.error_code ?? 'nothing'
  }
  await run({ emulator, post, refresh }).finally(() => emulator.close())
}

interface SignInReply {
  readonly refresh_token?: string
  readonly error_code?: string
  readonly [member: string]: unknown
}

interface HandWrittenClient {
  readonly emulator: SupabaseEmulator
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; reply: SignInReply }>
  refresh(token: string): Promise<string>
}

const used = 'refresh_token_already_used'

describe('a refresh token', () => {
  test('can be used once', () =>
    withEmulator({}, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      expect(first).toMatch(/^[a-z0-9]{12}$/)
      const second = await refresh(first)
      const third = await refresh(second)
      expect(new Set([first, second, third]).size).toBe(3)
    }))

  test('returns its active child again at any later time', () =>
    withEmulator({ rule: 'documented' }, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      const second = await refresh(first)
      now += 86_400_000
      expect(await refresh(first)).toBe(second)
      expect(await refresh(second)).not.toBe(used)
    }))

  test('whose child was used too gets a new token for a short time, and then ends the family', () =>
    withEmulator({ rule: 'documented' }, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      const third = await refresh(await refresh(first))
      now += 9_000
      const swapped = await refresh(first)
      expect([used, third]).not.toContain(swapped)
      expect(await refresh(first)).toBe(swapped)
      const last = await refresh(swapped)
      // the short time begins when the token is first replaced
      now += 2_000
      expect(await refresh(first)).toBe(used)
      expect(await refresh(last)).toBe(used)
      expect(await refresh(swapped)).toBe(used)
    }))

  test('by the strict rule returns its child for a short while, and then ends the family', () =>
    withEmulator({ rule: 'strict' }, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      const second = await refresh(first)
      now += 9_000
      expect(await refresh(first)).toBe(second)
      now += 2_000
      expect(await refresh(first)).toBe(used)
      expect(await refresh(second)).toBe(used)
    }))

  test('by the strict rule ends the family at once if its child was used too', () =>
    withEmulator({ rule: 'strict' }, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      const third = await refresh(await refresh(first))
      expect(await refresh(first)).toBe(used)
      expect(await refresh(third)).toBe(used)
    }))

  test('by the rule v2 is accepted at any time until its child is used, and after that for a short time', () =>
    withEmulator({ rule: 'v2' }, async ({ emulator, refresh }) => {
      const first = emulator.signIn().refresh_token
      expect(first.length).toBeGreaterThan(12)
      const second = await refresh(first)
      now += 86_400_000
      expect(await refresh(first)).toBe(second)
      const third = await refresh(second)
      expect(await refresh(second)).toBe(third)
      expect(await refresh(first)).toBe(used)
      expect(await refresh(third)).toBe(used)
    }))

  test('that is unknown is refused, and ends no family', () =>
    withEmulator({}, async ({ emulator, refresh }) => {
      const good = emulator.signIn().refresh_token
      expect(await refresh('short')).toBe('validation_failed')
      expect(await refresh('nobody-has-ever-had-this')).toBe('refresh_token_not_found')
      expect(await refresh(good)).not.toBe(used)
      expect(emulator.counts).toEqual({ renewals: 1, refusals: 2, signUps: 0 })
    }))

  for (const code of ['user_banned', 'session_expired', 'session_not_found'] as const)
    test(`of an ended session is refused with ${code}`, () =>
      withEmulator({}, async ({ emulator, refresh }) => {
        const session = emulator.signIn()
        emulator.end(session.user.id, code)
        expect(await refresh(session.refresh_token)).toBe(code)
      }))
})

describe('an access token', () => {
  test('is valid until its end, and only with its own signature', () =>
    withEmulator({ expiresIn: 60 }, async ({ emulator }) => {
      const { access_token: token, user, expires_at: end } = emulator.signIn()
      expect(emulator.verify(token)).toMatchObject({ sub: user.id, exp: end, iss: `${emulator.origin}/auth/v1` })
      const [head, , signature] = token.split('.')
      const forged = Buffer.from(JSON.stringify({ sub: 'other', role: 'authenticated', exp: end })).toString(
        'base64url',
      )
      expect(emulator.verify(`${head}.${forged}.${signature}`)).toBeUndefined()
      expect(emulator.verify(`${head}.${forged}.`)).toBeUndefined()
      expect(emulator.verify(emulator.anonKey)).toBeUndefined()
      now += 60_000
      expect(emulator.verify(token)).toBeUndefined()
    }))

  test('can be refused before its end', () =>
    withEmulator({}, async ({ emulator }) => {
      const { access_token: token } = emulator.signIn()
      emulator.refuse(token)
      expect(emulator.verify(token)).toBeUndefined()
    }))
})

describe('a request', () => {
  test('without the key, or with another one, is refused', () =>
    withEmulator({}, async ({ emulator }) => {
      const path = `${emulator.origin}/auth/v1/token?grant_type=refresh_token`
      const body = JSON.stringify({ refresh_token: emulator.signIn().refresh_token })
      const without = await fetch(path, { method: 'POST', body })
      expect([without.status, await without.json()]).toMatchObject([401, { message: 'No API key found in request' }])
      const other = await fetch(path, { method: 'POST', body, headers: { apikey: 'another' } })
      expect([other.status, await other.json()]).toMatchObject([401, { message: 'Invalid API key' }])
      expect(emulator.counts.renewals).toBe(0)
    }))

  test('is refused in the shape that its header names, or else in the old one', () =>
    withEmulator({}, async ({ post }) => {
      const body = { refresh_token: 'nobody-has-ever-had-this' }
      const path = 'token?grant_type=refresh_token'
      const old = await post(path, body)
      expect(old.reply).toEqual({
        code: 400,
        error_code: 'refresh_token_not_found',
        msg: 'Invalid Refresh Token: Refresh Token Not Found',
      })
      expect(old.headers.get('x-sb-error-code')).toBe('refresh_token_not_found')
      const named = await post(path, body, { 'x-supabase-api-version': '2024-01-01' })
      expect(named.reply).toMatchObject({ code: 'refresh_token_not_found' })
    }))

  test('for another grant, another path or a named user is refused', () =>
    withEmulator({}, async ({ post }) => {
      expect((await post('token?grant_type=password', {})).status).toBe(400)
      expect((await post('nowhere', {})).status).toBe(404)
      expect((await post('signup', { email: 'user@example.test' })).reply.error_code).toBe('signup_disabled')
      expect((await post('signup', {})).reply.refresh_token).toBeDefined()
    }))
})
