import { afterAll, describe, expect, test } from 'bun:test'
import { until } from '../../../test/waiting.ts'
import type { Account } from '../../accounts/account.ts'
import { redact } from '../../chat/secret.ts'
import { Environment } from '../../config/environment.ts'
import { signJwt } from '../../sign-in/emulator/jwt.ts'
import { emulateSupabase } from '../../sign-in/emulator/supabase.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { checkSession, readAccounts, type SmitheryCredential } from './account.ts'

const supabase = await emulateSupabase()
afterAll(() => supabase.close())
const never = newCancel()

const soon = Math.floor(Date.now() / 1000) + 3_600
const sessionOf = (claims: object = {}) => ({
  access_token: signJwt({ sub: 'u-1', exp: soon, ...claims }, 'the key of these tests'),
  refresh_token: 'refreshofthetests',
  token_type: 'bearer',
  expires_at: soon,
  user: { id: 'u-1' },
})

function readFrom(values: Readonly<Record<string, string>>) {
  const environment = new Environment(values)
  return { accounts: readAccounts(environment), problems: environment.problems }
}

function onlyAccount(values: Readonly<Record<string, string>>): Account<SmitheryCredential> {
  const { accounts, problems } = readFrom(values)
  expect(problems).toEqual([])
  const [account] = accounts
  if (!account) throw new Error('no account')
  return account
}

const cookieNames = (values: Readonly<Record<string, string>>) =>
  onlyAccount(values).credential.cookies.map(({ name }) => name)

describe('the accounts', () => {
  test('come from the variable of every number', () => {
    const cookies = Object.fromEntries(
      ['SMITHERY_COOKIE_7', 'SMITHERY_COOKIE', 'SMITHERY_COOKIE_2'].map((name) => [
        name,
        JSON.stringify(sessionOf({ jti: name })),
      ]),
    )
    const { accounts, problems } = readFrom(cookies)
    expect(problems).toEqual([])
    expect(accounts.map(({ label }) => label)).toEqual(['SMITHERY_COOKIE', 'SMITHERY_COOKIE_2', 'SMITHERY_COOKIE_7'])
  })

  test('are made from a session that only names a duration: its age is unknown, so it is renewed before it is used', () => {
    const { expires_at: _, ...session } = sessionOf()
    const SMITHERY_COOKIE = JSON.stringify({ ...session, access_token: 'opaque', expires_in: 3600 })
    const { credential, renewal } = onlyAccount({ SMITHERY_COOKIE, SMITHERY_SUPABASE_ANON_KEY: supabase.anonKey })
    expect(renewal?.expiresAt(credential)).toBe(0)
    expect(() => checkSession(onlyAccount({ SMITHERY_COOKIE }), 1)).toThrow('has ended')
  })

  const wrongs: readonly (readonly [string, string])[] = [
    ['a word', 'hello'],
    ['a session without a token', JSON.stringify({ ...sessionOf(), access_token: '' })],
    ['a session without an end', JSON.stringify({ access_token: 'opaque', refresh_token: 'a', user: { id: 'u' } })],
    ['other cookies', 'theme=dark; sb-ref-auth-token=base64-e30'],
    ['a list without a token', '[null,"refresh"]'],
  ]
  for (const [what, value] of wrongs)
    test(`are not made from ${what}: the problem names the variable without its value`, () => {
      const { accounts, problems } = readFrom({ SMITHERY_COOKIE_3: value })
      expect(accounts).toEqual([])
      expect(problems).toMatchObject([{ variable: 'SMITHERY_COOKIE_3' }])
      expect(JSON.stringify(problems)).not.toContain(value)
    })

  test('are made only once from the same session', () => {
    const session = JSON.stringify(sessionOf())
    const { accounts, problems } = readFrom({ SMITHERY_COOKIE_1: session, SMITHERY_COOKIE_2: ` ${session}` })
    expect(accounts.map(({ label }) => label)).toEqual(['SMITHERY_COOKIE_1'])
    expect(problems).toMatchObject([{ variable: 'SMITHERY_COOKIE_2', problem: 'is the session of SMITHERY_COOKIE_1' }])
  })
})

describe('the name of the cookie', () => {
  const session = JSON.stringify(sessionOf({ iss: 'https://issuer.supabase.co/auth/v1' }))
  const foreign = JSON.stringify(sessionOf({ iss: 'https://issuer.supabase.co.evil.example/auth/v1' }))
  const anonKey = signJwt({ iss: 'supabase', ref: 'keyref', role: 'anon' }, 'the key of these tests')

  test('comes from the pasted header', () => {
    const SMITHERY_COOKIE = `sb-pasted-auth-token=${encodeURIComponent(session)}`
    expect(cookieNames({ SMITHERY_COOKIE, SMITHERY_SUPABASE_URL: 'https://set.supabase.co' })).toEqual([
      'sb-pasted-auth-token',
    ])
  })

  test('comes from the address in the settings', () => {
    const values = { SMITHERY_COOKIE: session, SMITHERY_SUPABASE_URL: 'https://set.example.com' }
    expect(cookieNames(values)).toEqual(['sb-set-auth-token'])
  })

  test("comes from the token's issuer", () => {
    expect(cookieNames({ SMITHERY_COOKIE: session, SMITHERY_SUPABASE_ANON_KEY: anonKey })).toEqual([
      'sb-issuer-auth-token',
    ])
  })

  test('comes from the key if the issuer is not at Supabase', () => {
    expect(cookieNames({ SMITHERY_COOKIE: foreign, SMITHERY_SUPABASE_ANON_KEY: anonKey })).toEqual([
      'sb-keyref-auth-token',
    ])
  })

  test('is smithery’s own if nothing else is known', () => {
    for (const iss of ['https://evil.example/auth/v1', 'http://127.0.0.1/auth/v1', 'supabase.co', 7, undefined])
      expect(cookieNames({ SMITHERY_COOKIE: JSON.stringify(sessionOf({ iss })) })).toEqual([
        'sb-spjawbfpwezjfmicopsl-auth-token',
      ])
  })
})

describe('an account', () => {
  const at = { SMITHERY_SUPABASE_URL: supabase.origin, SMITHERY_SUPABASE_ANON_KEY: supabase.anonKey }

  test('is renewed if the key is set, with new cookies', async () => {
    const { credential, renewal } = onlyAccount({ ...at, SMITHERY_COOKIE: JSON.stringify(supabase.signIn()) })
    const next = await renewal?.renew(credential, never)
    expect(next?.cookies.map(({ name }) => name)).toEqual(credential.cookies.map(({ name }) => name))
    expect(next?.cookies[0]?.value.reveal()).not.toBe(credential.cookies[0]?.value.reveal())
    expect(next && renewal?.expiresAt(next)).toBe(next?.session.expiresAt)
    const kept = next && renewal?.decode(renewal.encode(next))
    expect(kept?.cookies.map(({ value }) => value.reveal())).toEqual(next?.cookies.map(({ value }) => value.reveal()))
    expect(renewal?.decode('{}')).toBeUndefined()
  })

  test('that is renewed for months only keeps its newest cookies as secrets', async () => {
    const { credential, renewal } = onlyAccount({ ...at, SMITHERY_COOKIE: JSON.stringify(supabase.signIn()) })
    const holder = { next: await renewal?.renew(credential, never) }
    const former = holder.next?.cookies[0]?.value.reveal() ?? ''
    expect(redact(former)).not.toContain(former)
    holder.next = holder.next && (await renewal?.renew(holder.next, never))
    const isForgotten = () => {
      Bun.gc(true)
      return redact(former) === former
    }
    await until(isForgotten, 20_000, 'the former cookies are forgotten')
    expect(holder.next?.cookies).not.toBeEmpty()
  }, 60_000)

  test('is not renewed without the key, or without a refresh token', () => {
    const session = JSON.stringify(supabase.signIn())
    expect(onlyAccount({ SMITHERY_COOKIE: session }).renewal).toBeUndefined()
    const { refresh_token: _, ...without } = supabase.signIn()
    expect(onlyAccount({ ...at, SMITHERY_COOKIE: JSON.stringify(without) }).renewal).toBeUndefined()
  })

  test('that is not renewed works until its end, and then the error tells the operator what to do', () => {
    const account = onlyAccount({ SMITHERY_COOKIE_4: JSON.stringify(sessionOf()) })
    expect(() => checkSession(account, soon * 1000 - 1)).not.toThrow()
    expect(() => checkSession(account, soon * 1000)).toThrow(
      'The session of SMITHERY_COOKIE_4 has ended: set SMITHERY_SUPABASE_ANON_KEY',
    )
    const { refresh_token: _, ...without } = sessionOf()
    const poor = onlyAccount({ ...at, SMITHERY_COOKIE_4: JSON.stringify(without) })
    expect(() => checkSession(poor, soon * 1000)).toThrow('no refresh token')
  })

  test('that is renewed never causes this error', () => {
    const account = onlyAccount({ ...at, SMITHERY_COOKIE: JSON.stringify(sessionOf({ exp: 1 })) })
    // the accounts room passes on only the credential
    expect(() => checkSession({ label: account.label, credential: account.credential }, Date.now())).not.toThrow()
  })
})
