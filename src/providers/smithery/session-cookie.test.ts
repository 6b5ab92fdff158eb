import { describe, expect, test } from 'bun:test'
import { accessTokenIn } from './emulator/cookies.ts'
import { readPastedSession, writeSessionCookies } from './session-cookie.ts'

const name = 'sb-ref-auth-token'
const session = {
  access_token: 'access',
  refresh_token: 'refresh',
  token_type: 'bearer',
  expires_at: 1,
  user: { id: 'u', user_metadata: { name: '~~~???ÿ👋', filler: '' } },
}
const json = JSON.stringify(session)
const long = JSON.stringify({ ...session, user: { id: 'u', filler: '~~~???ÿ👋 ; = % '.repeat(600) } })
const base64 = `base64-${Buffer.from(json).toString('base64url')}`
const headerOf = (cookies: readonly { name: string; value: string }[]) =>
  cookies.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
const splitIntoChunks = (value: string) => [value.slice(0, 100), value.slice(100, 200), value.slice(200)]

describe('a pasted session is read from', () => {
  const inHeader = { value: session, cookieName: name }
  const chunks = splitIntoChunks(base64).map((value, at) => ({ name: `${name}.${at}`, value }))
  const encodedChunks = splitIntoChunks(encodeURIComponent(json)).map((value, at) => ({ name: `${name}.${at}`, value }))
  const rows: readonly (readonly [string, string, object])[] = [
    ['its JSON', json, { value: session }],
    ['its JSON, indented', ` ${JSON.stringify(session, null, 2)}\n`, { value: session }],
    ['base64url', base64, { value: session }],
    ['base64url, with padding and line breaks', `${base64.slice(0, 60)}\r\n ${base64.slice(60)}==`, { value: session }],
    ['percent-encoded JSON', encodeURIComponent(json), { value: session }],
    ['percent-encoded base64url', base64.replace('-', '%2D'), { value: session }],
    ['a Cookie header', `theme=dark; ${name}=${base64}; a=b=c`, inHeader],
    ['a Cookie header with its name', `Cookie: ${name}=${base64}`, inHeader],
    ['a Cookie header with JSON', `${name}=${encodeURIComponent(json)}`, inHeader],
    ['a Cookie header with JSON that is not encoded', `${name}=${json}`, inHeader],
    ['chunks', headerOf(chunks), inHeader],
    ['chunks in any order', headerOf([chunks[2], chunks[0], chunks[1]].flatMap((chunk) => chunk ?? [])), inHeader],
    ['percent-encoded chunks', headerOf(encodedChunks), inHeader],
    ['a whole cookie before chunks', `${headerOf([{ name, value: base64 }])}; ${name}.0=stale`, inHeader],
    ['chunks beside an empty cookie', `${name}=; ${headerOf(chunks)}`, inHeader],
    ['chunks with old ones after a gap', `${headerOf(chunks)}; ${name}.4=stale`, inHeader],
    ['the second of two projects', `sb-other-auth-token=base64-; ${name}=${base64}`, inHeader],
  ]
  for (const [what, text, found] of rows) test(what, () => expect<unknown>(readPastedSession(text)).toEqual(found))

  test('the older list of tokens', () => {
    expect(readPastedSession('["access","refresh",null,null]')?.value).toMatchObject({
      access_token: 'access',
      refresh_token: 'refresh',
    })
    expect(readPastedSession(`${name}=${encodeURIComponent('["access","refresh"]')}`)?.cookieName).toBe(name)
  })

  for (const [what, text] of [
    ['nothing', ''],
    ['a word', 'hello'],
    ['half its JSON', json.slice(0, -1)],
    ['half a base64url', base64.slice(0, -4)],
    ['plain base64', 'base64-+/+/'],
    ['chunks without the first', headerOf(chunks.slice(1))],
    ['chunks with one missing in the middle', headerOf([chunks[0], chunks[2]].flatMap((chunk) => chunk ?? []))],
    ['other cookies', 'theme=dark; sb-ref-auth-token-code-verifier=x; sb-ref-auth-token.01=x'],
    ['a broken escape', `${name}=%7B%`],
  ] as const)
    test(`but not from ${what}`, () => expect(readPastedSession(text)).toBeUndefined())
})

describe('a session is written', () => {
  test('as one cookie if it is short', () => {
    expect(writeSessionCookies(name, json)).toEqual([{ name, value: base64 }])
  })

  test('as chunks of 3180 characters if it is long, without characters that need escapes', () => {
    const cookies = writeSessionCookies(name, long)
    expect(cookies.length).toBeGreaterThan(3)
    expect(cookies.map((cookie) => cookie.name)).toEqual(cookies.map((_, at) => `${name}.${at}`))
    expect(cookies.slice(0, -1).every(({ value }) => value.length === 3180)).toBe(true)
    expect(cookies.every(({ value }) => encodeURIComponent(value) === value)).toBe(true)
    expect(readPastedSession(headerOf(cookies))).toEqual({ value: JSON.parse(long), cookieName: name })
  })

  test('without an unnecessary chunk', () => {
    for (const length of [3179, 3180, 3181, 6360, 6361]) {
      const filler = 'x'.repeat(Math.floor(((length - 7) * 3) / 4))
      const cookies = writeSessionCookies(name, filler)
      expect(cookies.map(({ value }) => value).join('')).toHaveLength(7 + Math.ceil((filler.length * 4) / 3))
      expect(cookies.every(({ value }) => value.length > 0 && value.length <= 3180)).toBe(true)
    }
  })

  test('so that the emulated server can read it', () => {
    for (const text of [json, long]) {
      const header = headerOf(writeSessionCookies(name, text))
      expect(accessTokenIn(header, name)).toBe('access')
      expect(accessTokenIn(`a=b; ${header}`, name)).toBe('access')
      expect(accessTokenIn(header, 'sb-other-auth-token')).toBeUndefined()
    }
  })
})
