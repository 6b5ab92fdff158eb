import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config.ts'
import { askRaw, errorIn, hello, key, startApp, type TestApp } from './rig.ts'

// reliability, section 4: items 14, 15 and 16

let open: TestApp
let named: TestApp
let keyed: TestApp
let chosen: TestApp
beforeAll(() => {
  open = startApp()
  named = startApp({ ALLOWED_HOSTS: 'Gateway.lan, box:8000', CORS_ORIGINS: 'https://chat.example' })
  keyed = startApp({ API_MASTER_KEY: key })
  chosen = startApp({ API_MASTER_KEY: key, CORS_ORIGINS: 'https://chat.example, http://127.0.0.1:3000' })
})
afterAll(() => Promise.all([open, named, keyed, chosen].map((app) => app[Symbol.asyncDispose]())))

const head = (request: string, ...headers: string[]) => `${[`${request} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`

describe('item 14: without a key', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.org']) {
    test(`HOST=${host} is refused before anything listens`, () => {
      expect(readConfig({ HOST: host }, false)).toMatchObject({ problems: [{ variable: 'HOST' }] })
    })
  }

  test('it binds to loopback', () => {
    expect(readConfig({}, false)).toMatchObject({ host: '127.0.0.1' })
    expect(readConfig({ API_MASTER_KEY: '1' }, false)).toMatchObject({ host: '127.0.0.1', keys: [] })
  })

  test('other machines are let in only with the setting of the operator', () => {
    expect(readConfig({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true' }, false)).toMatchObject({ host: '0.0.0.0' })
  })
})

describe('item 15: without a key', () => {
  const foreign: readonly (readonly [string, readonly string[]])[] = [
    ['another host', ['Host: evil.com']],
    ['another host with a port', ['Host: evil.com:8000']],
    ['a host that begins like ours', ['Host: 127.0.0.1.evil.com']],
    ['a host that ends like ours', ['Host: evil-localhost']],
    ['our name with a dot', ['Host: localhost.']],
    ['our name in a domain', ['Host: localhost.evil.com']],
    ['our address as a number', ['Host: 2130706433']],
    ['another loopback address', ['Host: 127.0.0.2']],
    ['an empty Host', ['Host:']],
    ['two Hosts, ours first', ['Host: localhost', 'Host: evil.com']],
    ['two Hosts, ours last', ['Host: evil.com', 'Host: localhost']],
    ['our Host and another with a comma', ['Host: localhost, evil.com']],
    ['a user before our Host', ['Host: evil.com@localhost']],
    ['our Host with a path', ['Host: localhost/evil']],
    ['another site as Origin', ['Host: localhost', 'Origin: http://evil.com']],
    ['an opaque Origin', ['Host: localhost', 'Origin: null']],
    ['an Origin that begins like ours', ['Host: localhost', 'Origin: http://localhost.evil.com']],
    ['an Origin with our name as its user', ['Host: localhost', 'Origin: http://localhost@evil.com']],
    ['an invalid Origin', ['Host: localhost', 'Origin: localhost']],
    ['an empty Origin', ['Host: localhost', 'Origin:']],
    ['two Origins', ['Host: localhost', 'Origin: http://localhost', 'Origin: http://evil.com']],
    ['a page of another port', ['Host: localhost:8000', 'Origin: http://localhost:3000', 'Sec-Fetch-Site: same-site']],
    ['a page of our other name', ['Host: localhost:8000', 'Origin: http://127.0.0.1:8000']],
    [
      'a cross-site fetch with our Origin',
      ['Host: localhost', 'Origin: http://localhost', 'Sec-Fetch-Site: cross-site'],
    ],
    ['a same-site fetch without an Origin', ['Host: localhost', 'Sec-Fetch-Site: same-site']],
    ['a cross-site fetch without an Origin', ['Host: localhost', 'Sec-Fetch-Site: cross-site']],
  ]
  for (const [name, headers] of foreign) {
    for (const request of ['GET /', 'GET /health', 'GET /v1/models', 'POST /v1/chat/completions']) {
      test(`${name} is refused at ${request}`, async () => {
        const reply = await askRaw(open.url, head(request, ...headers, 'Content-Length: 0'))
        expect(reply.status).toBe(403)
        expect(errorIn(reply.body).code).toBe('host_not_allowed')
        expect(reply.headers.has('access-control-allow-origin')).toBe(false)
      })
    }
  }

  test('a target with another authority is judged by its Host, because the Host wins', async () => {
    expect((await askRaw(open.url, head('GET http://evil.com/health', 'Host: localhost'))).status).toBe(200)
    expect((await askRaw(open.url, head('GET http://localhost/health', 'Host: evil.com'))).status).toBe(403)
  })

  test('HTTP/1.0 without a Host is 400', async () => {
    const reply = await askRaw(open.url, 'GET /health HTTP/1.0\r\n\r\n')
    expect(reply.status).toBe(400)
    expect(errorIn(reply.body).code).toBe('invalid_host')
  })

  const ours: readonly (readonly [string, readonly string[]])[] = [
    ['localhost', ['Host: localhost']],
    ['localhost in capitals', ['Host: LOCALHOST:8000']],
    ['127.0.0.1 with a port', ['Host: 127.0.0.1:8000']],
    ['[::1] with a port', ['Host: [::1]:8000']],
    ['a page of our own', ['Host: localhost:8000', 'Origin: http://localhost:8000', 'Sec-Fetch-Site: same-origin']],
    ['a page of our own behind TLS', ['Host: localhost', 'Origin: https://localhost', 'Sec-Fetch-Site: same-origin']],
    ['a link in a mail', ['Host: localhost', 'Sec-Fetch-Site: none']],
  ]
  for (const [name, headers] of ours) {
    test(`${name} is let in`, async () => {
      expect((await askRaw(open.url, head('GET /v1/models', ...headers))).status).toBe(200)
    })
  }

  test('the hosts in ALLOWED_HOSTS are let in, with a given port only at that port', async () => {
    const status = async (host: string) => (await askRaw(named.url, head('GET /health', `Host: ${host}`))).status
    expect(await status('gateway.lan')).toBe(200)
    expect(await status('GATEWAY.LAN:9999')).toBe(200)
    expect(await status('box:8000')).toBe(200)
    expect(await status('box:8001')).toBe(403)
    expect(await status('sub.gateway.lan')).toBe(403)
  })

  test('on a public address a page of another address is refused too', async () => {
    await using exposed = startApp({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true' })
    const status = async (...headers: string[]) =>
      (await askRaw(exposed.url, head('GET /v1/models', ...headers))).status
    expect(await status('Host: 192.168.1.4:8000')).toBe(200)
    expect(await status('Host: 192.168.1.4:8000', 'Origin: http://192.168.1.4:8000')).toBe(200)
    for (const origin of ['http://6.6.6.6', 'http://192.168.1.4', 'http://localhost:8000', 'http://evil.com', 'null'])
      expect(await status('Host: 192.168.1.4:8000', `Origin: ${origin}`)).toBe(403)
    expect(await status('Host: 192.168.1.4:8000', 'Sec-Fetch-Site: cross-site')).toBe(403)
  })

  test('an origin in CORS_ORIGINS is let in', async () => {
    const site = 'Sec-Fetch-Site: cross-site'
    const reply = await askRaw(
      named.url,
      head('GET /v1/models', 'Host: localhost', 'Origin: https://chat.example', site),
    )
    expect(reply.status).toBe(200)
    expect(reply.headers.get('access-control-allow-origin')).toBe('https://chat.example')
  })

  test('a refused page has no effect: no chat is started', async () => {
    const response = await fetch(`${open.url}/v1/chat/completions`, {
      method: 'POST',
      body: hello,
      headers: { origin: 'http://evil.com', 'content-type': 'text/plain' },
    })
    expect(response.status).toBe(403)
    expect(open.lines.filter((line) => line.includes('"msg":"chat"'))).toEqual([])
  })
})

describe('item 16: CORS', () => {
  const preflight = { origin: 'https://chat.example', 'access-control-request-method': 'POST' }

  test('without a key a preflight allows nothing', async () => {
    const response = await fetch(`${open.url}/v1/chat/completions`, { method: 'OPTIONS', headers: preflight })
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('with a key every origin may call /v1, and its preflight needs no key', async () => {
    const response = await fetch(`${keyed.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: { ...preflight, 'access-control-request-headers': 'authorization, content-type, x-stainless-lang' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization, content-type, x-stainless-lang')
    expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    expect(response.headers.has('x-request-id')).toBe(true)
  })

  test('with a key the answer itself, and its refusal, may be read', async () => {
    for (const authorization of [`Bearer ${key}`, 'Bearer sk-wrong']) {
      const response = await fetch(`${keyed.url}/v1/models`, {
        headers: { origin: 'https://a.example', authorization },
      })
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-expose-headers')).toContain('x-request-id')
      expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    }
  })

  for (const path of ['/', '/health', '/ready', '/metrics', '/docs', '/v1', '/v10/models', '/api/tools']) {
    test(`${path} is closed to other origins`, async () => {
      for (const method of ['GET', 'OPTIONS']) {
        const response = await fetch(keyed.url + path, { method, headers: preflight })
        expect(response.headers.has('access-control-allow-origin')).toBe(false)
      }
    })
  }

  test('CORS_ORIGINS are matched exactly and never reflected', async () => {
    const allowed = async (origin: string) => {
      const response = await fetch(`${chosen.url}/v1/models`, { headers: { origin, authorization: `Bearer ${key}` } })
      expect(response.headers.get('vary')).toBe('Origin')
      return response.headers.get('access-control-allow-origin')
    }
    expect(await allowed('https://chat.example')).toBe('https://chat.example')
    expect(await allowed('http://127.0.0.1:3000')).toBe('http://127.0.0.1:3000')
    for (const origin of ['http://chat.example', 'https://chat.example:444', 'https://chat.example.evil.com', 'null'])
      expect(await allowed(origin)).toBeNull()
  })

  test('a preflight from an origin that is not chosen allows nothing', async () => {
    const response = await fetch(`${chosen.url}/v1/models`, {
      method: 'OPTIONS',
      headers: { ...preflight, origin: 'https://evil.com' },
    })
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('invalid names of headers are not repeated in a preflight', async () => {
    const response = await fetch(`${keyed.url}/v1/models`, {
      method: 'OPTIONS',
      headers: { ...preflight, 'access-control-request-headers': '<script>' },
    })
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization, content-type')
  })
})
