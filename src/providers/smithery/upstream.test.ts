import { afterAll, describe, expect, test } from 'bun:test'
import { bare, newCall, outcomeOf } from '../../../test/laws/ask.ts'
import { requestFor } from '../../../test/laws/http-rig.ts'
import { ChatError } from '../../chat/error.ts'
import { Environment } from '../../config/environment.ts'
import type { EmulatedSession } from '../../sign-in/emulator/users.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { aborted } from '../../wire/machine.double.ts'
import { emulateSmithery } from './emulator/index.ts'
import { provider } from './index.ts'
import { writeSessionCookies } from './session-cookie.ts'

const json = { 'content-type': 'application/json' }
let now = Date.now()
const emulator = await emulateSmithery({ supabase: { now: () => now } })
afterAll(() => emulator.close())

function upstreamOf(variables: Readonly<Record<string, string>> = emulator.variables) {
  const environment = new Environment(variables)
  const [upstream] = provider.configure(environment)
  expect(environment.problems).toEqual([])
  if (!upstream) throw new Error('there is no upstream')
  return upstream
}

const ask = (script?: Script, variables = emulator.variables) => {
  if (script) emulator.script(script)
  return outcomeOf(bare(upstreamOf(variables)), requestFor('gpt-5'))
}

describe('a chat', () => {
  test('is sent as the playground’s page sends it, with the gateway’s own user agent', async () => {
    const { events, thrown } = await ask()
    expect(thrown).toBeUndefined()
    expect(events.flatMap((event) => (event.type === 'text' ? [event.text] : []))).toEqual(['You', ' said:', ' Hello'])
    expect(events.slice(-2)).toMatchObject([
      { type: 'finish', reason: 'stop' },
      { type: 'usage', usage: { inputTokens: 7, outputTokens: 4, totalTokens: 11, source: 'upstream' } },
    ])
    const sent = emulator.requests.at(-1)
    expect(sent).toMatchObject({ method: 'POST', path: '/api/chat' })
    expect(sent?.headers.get('origin')).toBe(emulator.origin)
    expect(sent?.headers.get('referer')).toBe(`${emulator.origin}/playground`)
    expect(sent?.headers.get('user-agent')).toMatch(/^tributary\//)
    const names = [...(sent?.headers.keys() ?? [])].filter((name) => /^(x-|sec-|authorization)/.test(name))
    expect(names).toEqual([])
  })

  test('uses the operator’s user agent', async () => {
    await ask(undefined, { ...emulator.variables, UPSTREAM_USER_AGENT: 'my lab/1' })
    expect(emulator.requests.at(-1)?.headers.get('user-agent')).toBe('my lab/1')
  })

  test('sends a long session in chunks', async () => {
    const session = emulator.supabase.signIn()
    const long = { ...session, user: { ...session.user, user_metadata: { filler: 'ü;'.repeat(4_000) } } }
    const { thrown } = await ask(undefined, { ...emulator.variables, SMITHERY_COOKIE_1: JSON.stringify(long) })
    expect(thrown).toBeUndefined()
    expect(emulator.requests.at(-1)?.headers.get('cookie')).toMatch(/-auth-token\.0=base64-.*; .*\.1=.*; .*\.4=/)
  })

  test('needs a login if its session has ended by our clock and smithery refuses it', async () => {
    const { SMITHERY_SUPABASE_ANON_KEY: _, ...without } = emulator.variables
    const twoHours = 7_200_000
    now -= twoHours
    const variables = { ...without, SMITHERY_COOKIE_1: JSON.stringify(emulator.supabase.signIn()) }
    // our clock alone proves nothing, because it may be wrong
    expect((await ask(undefined, variables)).thrown).toBeUndefined()
    now += twoHours
    expect((await ask(undefined, variables)).thrown).toMatchObject({
      reason: 'login-needed',
      code: 'upstream_login_needed',
      upstreamStatus: 401,
    })
  })

  const page = '<!doctype html><title>Hello</title>'
  const html = { 'content-type': 'text/html' }
  const refusals: readonly (readonly [Script, string, string])[] = [
    [{ status: 400, body: ['{"error":"No such model: x"}'] }, 'invalid-request', 'invalid_request'],
    [{ status: 401, body: ['{"error":"Unauthorized"}'] }, 'account-refused', 'upstream_auth'],
    [{ status: 402, body: ['{"error":"Upgrade"}'] }, 'quota-exhausted', 'insufficient_quota'],
    [{ status: 403, body: ['{"error":"Forbidden"}'] }, 'account-refused', 'upstream_auth'],
    [{ status: 403, headers: html, body: [page] }, 'challenged', 'upstream_blocked'],
    [{ status: 403, headers: html, body: ['<html>Just a moment...'] }, 'challenged', 'upstream_blocked'],
    [
      { status: 503, headers: { ...html, 'cf-mitigated': 'challenge' }, body: [page] },
      'challenged',
      'upstream_blocked',
    ],
    [{ status: 404, body: ['{"error":"Not Found"}'] }, 'upstream-outdated', 'upstream_protocol'],
    [{ status: 404, body: ['{"error":"Model x not found"}'] }, 'model-not-found', 'model_not_found'],
    [{ status: 405, body: ['{}'] }, 'upstream-outdated', 'upstream_protocol'],
    [{ status: 429, body: ['{"error":"Slow down"}'] }, 'rate-limited', 'rate_limit_exceeded'],
    [{ status: 500, body: ['{"error":"Oops"}'] }, 'upstream-failed', 'upstream_error'],
    [{ status: 302, headers: { location: '/login' } }, 'account-refused', 'upstream_auth'],
    [{ status: 200, headers: html, body: [page] }, 'account-refused', 'upstream_auth'],
  ]
  for (const [script, reason, code] of refusals)
    test(`answered with ${script.status} ${script.body ?? ''} is ${code}`, async () => {
      const { thrown } = await ask({ ...script, headers: script.headers ?? json })
      expect(thrown).toMatchObject({ reason, code, upstreamStatus: script.status })
    })

  test('passes on the wait of a rate limit', async () => {
    const { thrown } = await ask({ status: 429, headers: { ...json, 'retry-after': '7' }, body: ['{}'] })
    expect(thrown).toMatchObject({ retryAfterMs: 7_000 })
  })

  test('is not sent if the client has left', async () => {
    const before = emulator.requests.length
    const signal = aborted(new ChatError('cancelled', { message: 'left' }))
    await outcomeOf(bare(upstreamOf()), requestFor('gpt-5'), newCall(signal))
    expect(emulator.requests.length).toBe(before)
  })
})

describe('the environment', () => {
  test('without a session configures no upstream', () => expect(provider.configure(new Environment({}))).toEqual([]))

  test('gives the known models, or those of SMITHERY_MODELS', () => {
    expect(upstreamOf().models).toHaveLength(12)
    expect(upstreamOf().models).toContainEqual({ id: 'claude-haiku-4.5' })
    expect(upstreamOf({ ...emulator.variables, SMITHERY_MODELS: 'a/b, c' }).models).toEqual([
      { id: 'a/b' },
      { id: 'c' },
    ])
  })
})

describe('the emulator', () => {
  const name = 'sb-127-auth-token'
  const base64 = (session: object) => `base64-${Buffer.from(JSON.stringify(session)).toString('base64url')}`
  const cookieOf = (session: EmulatedSession) => `${name}=${base64(session)}`
  const right = {
    messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
    tools: [],
    model: 'gpt-5',
    systemPrompt: '',
  }
  const post = async (
    cookie: string,
    { body = right, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const page = { origin: emulator.origin, referer: `${emulator.origin}/playground`, ...json }
    const response = await fetch(`${emulator.origin}/api/chat`, {
      method: 'POST',
      headers: { ...page, cookie, ...headers },
      body: JSON.stringify(body),
    })
    return { status: response.status, text: await response.text() }
  }

  test('accepts the cookies of a browser, whole or in chunks, with or without encoding', async () => {
    const session = emulator.supabase.signIn()
    const chunks = writeSessionCookies(name, JSON.stringify({ ...session, filler: 'x'.repeat(5_000) }))
    const cookies = [
      cookieOf(session),
      `theme=dark; ${cookieOf(session)}`,
      `${name}=${encodeURIComponent(JSON.stringify(session))}`,
      chunks.map((chunk) => `${chunk.name}=${chunk.value}`).join('; '),
    ]
    expect(chunks.length).toBeGreaterThan(1)
    for (const cookie of cookies) expect((await post(cookie)).status).toBe(200)
  })

  test('ends its answers with [DONE]', async () => {
    expect((await post(cookieOf(emulator.supabase.signIn()))).text).toEndWith('data: [DONE]\n\n')
  })

  test('refuses all other cookies', async () => {
    const session = emulator.supabase.signIn()
    const { expires_at: _, ...without } = session
    const value = base64({ ...session, filler: 'x'.repeat(5_000) })
    const [head, claims, signature] = session.access_token.split('.')
    const forged = { ...session, access_token: `${head}.${claims}.${signature?.split('').reverse().join('')}` }
    const cookies = {
      nothing: '',
      'another name': `sb-other-auth-token=${base64(session)}`,
      'the older name': `supabase-auth-token=${base64(session)}`,
      'plain base64': `${name}=${btoa(JSON.stringify(session))}`,
      'base64 with a wrong alphabet': `${name}=base64-+/+/`,
      'base64 without its prefix': `${name}=${base64(session).slice(7)}`,
      'chunks the wrong way round': `${name}.0=${value.slice(3180)}; ${name}.1=${value.slice(0, 3180)}`,
      'chunks that begin with 1': `${name}.1=${value.slice(0, 3180)}; ${name}.2=${value.slice(3180)}`,
      'half the chunks': `${name}.0=${value.slice(0, 3180)}`,
      'the token alone': `${name}=${session.access_token}`,
      'a session without its end': `${name}=${base64(without)}`,
      'another signature': `${name}=${base64(forged)}`,
      'a token of nobody': `${name}=${base64({ ...session, access_token: emulator.supabase.anonKey })}`,
    }
    const refused = await Promise.all(
      Object.entries(cookies).map(async ([what, cookie]) => [what, (await post(cookie)).status]),
    )
    expect(refused).toEqual(Object.keys(cookies).map((what) => [what, 401]))
  })

  test('refuses a token that has ended', async () => {
    const session = emulator.supabase.signIn()
    now += 3_600_000
    expect((await post(cookieOf(session))).status).toBe(401)
    now -= 3_600_000
    expect((await post(cookieOf(session))).status).toBe(200)
  })

  test('accepts only requests of its own page', async () => {
    const cookie = cookieOf(emulator.supabase.signIn())
    for (const headers of [{ origin: 'https://example.com' }, { referer: `${emulator.origin}/` }])
      expect((await post(cookie, { headers })).status).toBe(403)
    expect((await post(cookie, { headers: { 'content-type': 'text/plain' } })).status).toBe(415)
    expect((await fetch(`${emulator.origin}/api/chat`)).status).toBe(405)
    expect((await fetch(`${emulator.origin}/api/models`)).status).toBe(404)
  })

  const part = (value: object) => ({ ...right, messages: [{ id: '1', role: 'user', parts: [value] }] })
  const assistantMessage = (value: object) => ({ ...right, messages: [{ id: '1', role: 'assistant', parts: [value] }] })
  const open = { type: 'tool-a', toolCallId: '1', state: 'input-available', input: {} }
  const wrong: readonly (readonly [string, unknown])[] = [
    ['invalid JSON', undefined],
    ['OpenAI messages', { ...right, messages: [{ role: 'user', content: 'Hello' }] }],
    ['a role of OpenAI', { ...right, messages: [{ id: '1', role: 'tool', parts: [{ type: 'text', text: 'a' }] }] }],
    ['a message without parts', { ...right, messages: [{ id: '1', role: 'user', parts: [] }] }],
    ['two messages with one id', { ...right, messages: [...right.messages, ...right.messages] }],
    ['temperature', { ...right, temperature: 1 }],
    ['a missing system prompt', { ...right, systemPrompt: undefined }],
    ['an image_url', part({ type: 'image_url', image_url: { url: 'a' } })],
    ['a file without its type', part({ type: 'file', url: 'https://example.com/a.png' })],
    ['a call in a user’s message', part(open)],
    ['arguments as text', assistantMessage({ ...open, input: '{}' })],
    ['a result without its output', assistantMessage({ ...open, state: 'output-available' })],
    ['a result as text', assistantMessage({ ...open, state: 'output-available', output: 'a' })],
    ['a tool in OpenAI’s form', { ...right, tools: [{ type: 'function', function: { name: 'a' } }] }],
    ['toolChoice without tools', { ...right, toolChoice: 'required' }],
  ]
  for (const [what, body] of wrong)
    test(`refuses ${what}`, async () => {
      const cookie = cookieOf(emulator.supabase.signIn())
      expect((await post(cookie, { body: body ?? '' })).status).toBe(400)
    })
})
