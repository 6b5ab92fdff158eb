/** Pages of other sites, and callers who are no admin, against every route of the operator. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminRoutes, pathsOf } from './admin-rig.ts'
import { askRaw, errorIn, key, type RawReply, startApp, type TestApp } from './rig.ts'

const named = 'sk-named-0123456789abcdef'
const expired = 'sk-expired-0123456789abcdef'

const folder = mkdtempSync(join(tmpdir(), 'admin-attacks-'))
const keysFile = join(folder, 'keys.json')
const keys = [
  { name: 'team', key: named },
  { name: 'old', key: expired, role: 'admin', expires: '2020-01-31' },
]
writeFileSync(keysFile, JSON.stringify({ keys }), { mode: 0o600 })
afterAll(() => rmSync(folder, { recursive: true }))

let open: TestApp
let keyed: TestApp
beforeAll(() => {
  open = startApp({ CORS_ORIGINS: 'https://chat.example', ALLOWED_HOSTS: 'gateway.lan' })
  keyed = startApp({ API_MASTER_KEY: key, API_KEYS_FILE: keysFile, CORS_ORIGINS: '*' })
})
afterAll(() => Promise.all([open, keyed].map((app) => app[Symbol.asyncDispose]())))

/** Each route as the first line of a request. */
const lines = adminRoutes.flatMap((route) => pathsOf(route).map((path) => `${route.method} ${path}`))
const heads = lines.filter((line) => line.startsWith('GET ')).map((line) => line.replace('GET', 'HEAD'))

function send(app: TestApp, line: string, headers: readonly string[], body = ''): Promise<RawReply> {
  const all = [`${line} HTTP/1.1`, ...headers, 'Connection: close', `Content-Length: ${body.length}`]
  return askRaw(app.url, `${all.join('\r\n')}\r\n\r\n${body}`)
}

async function codeOf(reply: Promise<RawReply>): Promise<string> {
  const { status, body } = await reply
  return `${status} ${errorIn(body).code}`
}

test('the routes of the operator are found', () => {
  expect(lines).toContain('GET /admin/upstreams')
  expect(lines).toContain('DELETE /admin/keys/demo')
  expect(lines.length).toBeGreaterThanOrEqual(9)
})

test('nothing below /admin is open to others', () => {
  expect(adminRoutes.filter(({ cors }) => cors)).toEqual([])
})

describe('without keys', () => {
  const own = 'Host: localhost:8000'
  const attacks: readonly (readonly [string, readonly string[]])[] = [
    ['DNS rebinding: the name of another site', ['Host: evil.example:8000']],
    ['DNS rebinding, with the Origin of that name', ['Host: evil.example', 'Origin: http://evil.example']],
    ['DNS rebinding within a page', ['Host: evil.example', 'Sec-Fetch-Site: same-origin']],
    ['a page of another site', [own, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site']],
    ['a page of another site, in no-cors', [own, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors']],
    ['an old browser, which sends only the Origin', [own, 'Origin: https://evil.example']],
    ['a sandboxed frame', [own, 'Origin: null', 'Sec-Fetch-Site: cross-site']],
    ['a page of another port', [own, 'Origin: http://localhost:3000', 'Sec-Fetch-Site: same-site']],
    [
      'a form of another site',
      [own, 'Origin: https://evil.example', 'Content-Type: application/x-www-form-urlencoded'],
    ],
    ['a form whose body looks like JSON', [own, 'Origin: https://evil.example', 'Content-Type: text/plain']],
    ['a form with files', [own, 'Origin: null', 'Content-Type: multipart/form-data; boundary=a']],
    ['a link on another site', [own, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate']],
  ]
  for (const [how, headers] of attacks)
    test(`${how} is refused at every route`, async () => {
      for (const line of [...lines, 'GET /v1/me', 'GET /v1/usage', 'GET /', 'GET /console/some.js']) {
        const reply = await send(open, line, headers, '{"name":"mallory"}')
        expect([line, reply.status, errorIn(reply.body).code]).toEqual([line, 403, 'host_not_allowed'])
        expect(reply.headers.has('access-control-allow-origin')).toBe(false)
      }
    })

  const chatPage = [own, 'Origin: https://chat.example', 'Sec-Fetch-Site: cross-site', 'Content-Type: text/plain']

  test('a page that may chat, because CORS_ORIGINS names it, is no admin', async () => {
    expect((await send(open, 'GET /v1/models', chatPage)).status).toBe(200)
    for (const line of lines)
      expect([line, await codeOf(send(open, line, chatPage, '{"name":"mallory"}'))]).toEqual([
        line,
        '403 admin_local_only',
      ])
    expect(JSON.parse((await send(open, 'GET /v1/me', chatPage)).body)).toMatchObject({ role: 'client' })
  })

  test('another machine, and a name that is not our own, is no admin', async () => {
    for (const headers of [
      ['Host: gateway.lan'],
      [own, 'X-Forwarded-For: 127.0.0.1'],
      [own, 'Forwarded: for=127.0.0.1'],
    ])
      for (const line of lines)
        expect([line, await codeOf(send(open, line, headers))]).toEqual([line, '403 admin_local_only'])
  })

  test('no attack had an effect', async () => {
    const { body } = await send(open, 'GET /admin/keys', [own])
    expect(JSON.parse(body)).toEqual({ object: 'list', data: [] })
    expect(open.lines.filter((line) => line.includes('mallory'))).toEqual([])
  })

  test('the page itself is an admin', async () => {
    const page = [own, 'Origin: http://localhost:8000', 'Sec-Fetch-Site: same-origin']
    expect((await send(open, 'GET /admin/upstreams', page)).status).toBe(200)
    expect((await send(open, 'GET /admin/upstreams', [own, 'Sec-Fetch-Site: same-origin'])).status).toBe(200)
    expect((await send(open, 'POST /admin/upstreams/demo/test', page)).status).toBe(200)
  })
})

describe('with keys', () => {
  const host = 'Host: gateway.example'
  const callers: readonly (readonly [string, readonly string[], string])[] = [
    ['a caller without a key', [], '401 invalid_api_key'],
    ['a wrong key', ['Authorization: Bearer sk-wrong'], '403 invalid_api_key'],
    ['an empty key', ['Authorization: Bearer '], '401 invalid_api_key'],
    ['a key with a name', [`Authorization: Bearer ${named}`], '403 admin_key_required'],
    ['a key with a name, in another header', [`X-API-Key: ${named}`], '403 admin_key_required'],
    ["an admin's key that is too old", [`Authorization: Bearer ${expired}`], '403 key_expired'],
    ['a key in a cookie', [`Cookie: key=${key}; authorization=Bearer ${key}`], '401 invalid_api_key'],
    ['a key as a password', [`Authorization: Basic ${btoa(`admin:${key}`)}`], '401 invalid_api_key'],
  ]
  for (const [who, headers, refusal] of callers)
    test(`${who} is refused at every route`, async () => {
      for (const line of lines)
        expect([line, await codeOf(send(keyed, line, [host, ...headers], '{}'))]).toEqual([line, refusal])
      for (const line of heads)
        expect([line, Math.floor((await head(line, [host, ...headers])).status / 100)]).toEqual([line, 4])
    })

  async function head(line: string, headers: readonly string[]): Promise<Response> {
    const [method = '', path = ''] = line.split(' ')
    const sent = headers.map((text) => text.split(/: ?(.*)/, 2)).map(([name = '', value = '']) => [name, value])
    return await fetch(keyed.url + path, { method, headers: Object.fromEntries(sent) })
  }

  test('a key in the address is refused at every route', async () => {
    for (const line of lines)
      expect([line, await codeOf(send(keyed, `${line}?key=${key}&api_key=${key}`, [host]))]).toEqual([
        line,
        '401 invalid_api_key',
      ])
  })

  test('no spelling of a path gets a key with a name past the door', async () => {
    const spellings: readonly ((path: string) => string)[] = [
      (path) => `/${path}`,
      (path) => `${path}/`,
      (path) => path.replace('/admin', '/v1/admin'),
      (path) => path.replace('/admin', '/v1/../admin'),
      (path) => path.replace('/admin', '/ADMIN'),
      (path) => path.replace('/admin', '/%61dmin'),
      (path) => path.replace('/admin/', '/admin%2f'),
      (path) => path.replace('/admin/', '/admin//'),
      (path) => path.replace('/admin', '/v1/models/../../admin'),
      (path) => `${path}?x=/v1/models`,
      (path) => `${path};/v1/models`,
      (path) => `${path}%00`,
    ]
    for (const spell of spellings)
      for (const line of lines) {
        const [method = '', path = ''] = line.split(' ')
        const spelled = `${method} ${spell(path)}`
        const { status } = await send(keyed, spelled, [host, `Authorization: Bearer ${named}`], '{}')
        expect([spelled, status === 403 || status === 404]).toEqual([spelled, true])
      }
  })

  test('a page of another site may read nothing, although CORS_ORIGINS is *', async () => {
    const page = [host, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site']
    const paths = new Set(['/v1/me', '/v1/usage', '/', '/console/some.js', ...lines.map((line) => line.split(' ')[1])])
    for (const path of paths) {
      const asked = ['Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: authorization']
      const preflight = await send(keyed, `OPTIONS ${path}`, [...page, ...asked])
      const answer = await send(keyed, `OPTIONS ${path}`, [...page, `Authorization: Bearer ${key}`])
      const refusal = await send(keyed, `GET ${path}`, page)
      for (const { headers } of [preflight, answer, refusal])
        expect([path, [...headers.keys()].filter((name) => name.startsWith('access-control'))]).toEqual([path, []])
    }
    const shared = await send(keyed, 'GET /v1/models', [...page, `Authorization: Bearer ${key}`])
    expect(shared.headers.get('access-control-allow-origin')).toBe('*')
  })

  test('no cache keeps an answer', async () => {
    for (const path of ['/admin/upstreams', '/admin/keys', '/v1/me']) {
      const { headers } = await send(keyed, `GET ${path}`, [host, `Authorization: Bearer ${key}`])
      expect([path, headers.get('cache-control')]).toEqual([path, 'no-store'])
    }
  })

  test('no answer sets a cookie, so a page of another site can use none', async () => {
    for (const path of ['/admin/upstreams', '/v1/me', '/']) {
      const { headers } = await send(keyed, `GET ${path}`, [host, 'Accept: text/html', `Authorization: Bearer ${key}`])
      expect(headers.has('set-cookie')).toBe(false)
    }
  })
})
