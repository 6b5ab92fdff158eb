import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { surfaces } from '../../src/api/surfaces/index.ts'
import { askRaw, errorIn, hello, key, post, RawClient, startApp, type TestApp } from './rig.ts'

// reliability, section 4: items 11 and 12

let keyed: TestApp
beforeAll(() => {
  keyed = startApp({ API_MASTER_KEY: `${key}, sk-second-0123456789abcdef` })
})
afterAll(() => keyed[Symbol.asyncDispose]())

const listed = surfaces.flatMap((surface) => surface.routes).filter(({ access }) => access !== 'open')
const routes = [
  ...listed.map(({ method, path }) => [method, path.replace(/\{\w+\+?\}/g, 'any')] as const),
  ['GET', '/metrics'],
  ['POST', '/v1/nothing'],
  ['GET', '/nothing'],
  ['POST', '/'],
  ['DELETE', '/health'],
] as const

/** The words of a missing and of a wrong key in the dialect of a path: OpenAI's and Anthropic's, and the number of JSON-RPC. */
function wordsFor(path: string): readonly [missing: unknown, wrong: unknown] {
  if (path.startsWith('/v1/messages')) return ['authentication_error', 'permission_error']
  return path === '/mcp' ? [-32_600, -32_600] : ['invalid_api_key', 'invalid_api_key']
}

/** The code of an error, or the type of an error of Anthropic's, which has no code. */
async function wordOf(response: Response): Promise<unknown> {
  const { error }: { error: { code?: string | number; type: string } } = JSON.parse(await response.text())
  return error.code ?? error.type
}

describe('item 11: a client key', () => {
  for (const [method, path] of routes) {
    const [missing, wrong] = wordsFor(path)
    test(`${method} ${path} without a key is 401`, async () => {
      const response = await fetch(keyed.url + path, { method })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await wordOf(response)).toBe(missing)
    })

    test(`${method} ${path} with a wrong key is 403`, async () => {
      const response = await fetch(keyed.url + path, { method, headers: { authorization: 'Bearer sk-wrong' } })
      expect(response.status).toBe(403)
      expect(await wordOf(response)).toBe(wrong)
    })
  }

  for (const path of ['/', '/docs', '/health', '/ready']) {
    test(`${path} needs none, for GET and for HEAD`, async () => {
      expect((await fetch(keyed.url + path)).status).toBe(200)
      const head = await fetch(keyed.url + path, { method: 'HEAD' })
      expect(head.status).toBe(200)
      expect(await head.text()).toBe('')
    })
  }

  const accepted: readonly (readonly [string, string])[] = [
    ['Bearer', `Authorization: Bearer ${key}`],
    ['the second key', 'Authorization: Bearer sk-second-0123456789abcdef'],
    ['a lower-case scheme', `authorization: bearer ${key}`],
    ['x-api-key', `x-api-key: ${key}`],
    ['api-key, as Azure’s clients send it', `api-key: ${key}`],
    ['a right x-api-key next to another word', `Authorization: Bearer unused\r\nx-api-key: ${key}`],
    ['a right api-key next to another word', `Authorization: Bearer unused\r\napi-key: ${key}`],
    ['a right Authorization next to another word', `Authorization: Bearer ${key}\r\napi-key: unused`],
    ['a right api-key next to an empty x-api-key', `x-api-key:\r\napi-key: ${key}`],
    ['a right api-key next to another scheme', `Authorization: Basic ${btoa('a:b')}\r\napi-key: ${key}`],
    ['a right key in each', `Authorization: Bearer ${key}\r\nx-api-key: ${key}\r\napi-key: sk-second-0123456789abcdef`],
  ]
  for (const [name, header] of accepted) {
    test(`${name} is let in`, async () => {
      expect((await askRaw(keyed.url, `GET /v1/models HTTP/1.1\r\nHost: gateway\r\n${header}\r\n\r\n`)).status).toBe(
        200,
      )
    })
  }

  const refused: readonly (readonly [string, string, number])[] = [
    ['no header', 'Accept: */*', 401],
    ['an empty Authorization', 'Authorization:', 401],
    ['a scheme without a key', 'Authorization: Bearer', 401],
    ['a scheme and a space', 'Authorization: Bearer ', 401],
    ['another scheme', `Authorization: Basic ${btoa(`x:${key}`)}`, 401],
    ['the key without a scheme', `Authorization: ${key}`, 401],
    ['an empty x-api-key', 'x-api-key:', 401],
    ['a wrong key', 'Authorization: Bearer sk-wrong', 403],
    ['a prefix of the key', `Authorization: Bearer ${key.slice(0, -1)}`, 403],
    ['the key and more', `Authorization: Bearer ${key}0`, 403],
    ['the key in capitals', `Authorization: Bearer ${key.toUpperCase()}`, 403],
    ['both keys in one header', `Authorization: Bearer ${key},sk-second-0123456789abcdef`, 403],
    ['two Authorization headers', `Authorization: Bearer ${key}\r\nAuthorization: Bearer ${key}`, 403],
    ['a wrong api-key', 'api-key: sk-wrong', 403],
    ['an empty api-key', 'api-key:', 401],
    ['two api-key headers', `api-key: ${key}\r\napi-key: ${key}`, 403],
    ['a wrong key in each', 'Authorization: Bearer sk-wrong\r\nx-api-key: sk-wrong\r\napi-key: sk-wrong', 403],
    ['a key of 10 KB', `Authorization: Bearer ${'k'.repeat(10_000)}`, 403],
  ]
  for (const [name, header, status] of refused) {
    test(`${name} is ${status}`, async () => {
      const reply = await askRaw(keyed.url, `GET /v1/models HTTP/1.1\r\nHost: gateway\r\n${header}\r\n\r\n`)
      expect(reply.status).toBe(status)
      expect(errorIn(reply.body).code).toBe('invalid_api_key')
    })
  }

  test('a NUL in the key is refused by the listener', async () => {
    const reply = await askRaw(
      keyed.url,
      `GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer a\0b\r\n\r\n`,
    )
    expect(reply.status).toBe(400)
  })

  test('a key of 4 MB is refused by the listener', async () => {
    const reply = await askRaw(
      keyed.url,
      `GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${'k'.repeat(4e6)}`,
    )
    expect(reply.status).toBe(431)
  })

  for (const query of [`?key=${key}`, `?api_key=${key}`, `?access_token=${key}`]) {
    test(`a key in the query (${query.slice(1, query.indexOf('='))}) does not count as a key, and is not logged`, async () => {
      const response = await fetch(`${keyed.url}/v1/models${query}`)
      expect(response.status).toBe(401)
      expect(keyed.lines.join('')).not.toContain(key)
    })
  }

  for (const [status, header] of [
    [401, ''],
    [403, 'Authorization: Bearer sk-wrong\r\n'],
  ] as const) {
    test(`${status} is sent before the body has arrived`, async () => {
      using client = new RawClient(keyed.url)
      void client.send(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n${header}Content-Length: 1000000\r\n\r\n`,
      )
      expect((await client.reply()).status).toBe(status)
    })

    test(`a request within the body of a request that was refused with ${status} is not executed`, async () => {
      using client = new RawClient(keyed.url)
      const hidden = 'GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n'
      const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n${header}Content-Length: ${hidden.length}\r\n\r\n`
      void client.send(`${head}${hidden}GET /ready HTTP/1.1\r\nHost: gateway\r\n\r\n`)
      expect((await client.reply()).status).toBe(status)
      expect((await client.reply()).body).toContain('"status":"ready"')
    })
  }
})

describe('item 19: guessing', () => {
  const from = (app: TestApp, apiKey: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${apiKey}`, ...headers } })
  const guess = async (app: TestApp, headers: Readonly<Record<string, string>> = {}) =>
    (await from(app, 'sk-wrong', headers)).status

  test('is answered with 429 after a hundred wrong keys, even if a header names another address', async () => {
    await using guessed = startApp({ API_MASTER_KEY: key })
    for (let at = 0; at < 100; at++) {
      const address = `10.0.0.${at}`
      const headers = { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` }
      expect(await guess(guessed, headers)).toBe(403)
    }
    const refused = await from(guessed, 'sk-wrong')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(errorIn(await refused.text())).toMatchObject({ type: 'rate_limit_error', code: 'too_many_attempts' })
    expect((await fetch(`${guessed.url}/health`)).status).toBe(200)
  })

  test('does not lock out a right key in any header', async () => {
    await using guessed = startApp({ API_MASTER_KEY: key })
    for (let at = 0; at < 101; at++) await guess(guessed)
    expect(await guess(guessed)).toBe(429)
    for (const headers of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }, { 'api-key': key }])
      expect((await fetch(`${guessed.url}/v1/models`, { headers })).status).toBe(200)
    expect((await post(guessed.url, hello)).status).toBe(200)
    expect(await guess(guessed)).toBe(429)
    expect((await fetch(`${guessed.url}/v1/models`)).status).toBe(401)
  })

  test('is counted by the address that a trusted proxy names', async () => {
    await using guessed = startApp({ API_MASTER_KEY: key, TRUSTED_PROXIES: 'loopback, 10.0.0.0/8' })
    const by = (forwarded: string) => guess(guessed, { 'x-forwarded-for': forwarded })
    for (let at = 0; at < 100; at++) expect(await by(`192.0.2.${at}, 203.0.113.7, 10.0.0.${at}`)).toBe(403)
    expect(await by('203.0.113.7')).toBe(429)
    expect(await by('203.0.113.8')).toBe(403)
    for (let at = 0; at < 100; at++) expect(await by(`2001:db8:0:1::${at}`)).toBe(403)
    expect([await by('2001:db8:0:1:ffff::'), await by('2001:db8:0:2::')]).toEqual([429, 403])
  })
})

describe('item 12: another spelling of a path', () => {
  /** The status without a key and with it. `undefined` means that the connection closes without an answer. */
  const spellings: readonly (readonly [string, number, number])[] = [
    ['GET /v1/models', 401, 200],
    // a base URL with a slash at its end makes these paths
    ['GET //v1/models', 401, 200],
    ['GET /v1//models', 401, 200],
    ['GET /v1/models/', 401, 200],
    ['GET /v1/models//', 401, 200],
    ['GET ///v1////models//', 401, 200],
    ['GET //v1//models//demo/echo/', 401, 200],
    ['HEAD //v1/models', 401, 200],
    ['GET //api//tools/', 401, 200],
    ['GET /v1//nothing', 401, 404],
    ['POST //v1/models', 401, 405],
    ['GET //v1/models?/health', 401, 200],
    ['GET /health//..//v1/models', 401, 404],
    ['GET //', 401, 404],
    ['GET /\\/v1/models', 401, 200],
    ['GET /V1/models', 401, 404],
    ['GET /v1/models.', 401, 404],
    ['GET /v1/models;/health', 401, 404],
    ['GET /%76%31/models', 401, 404],
    ['GET /v1%2Fmodels', 401, 404],
    ['GET /v1/models?/health', 401, 200],
    ['GET /v1/models#/health', 401, 404],
    // Bun resolves the dots, so the door and the router see the same path
    ['GET /health/../v1/models', 401, 200],
    ['GET /health/%2e%2e/v1/models', 401, 200],
    ['GET /health\\..\\v1\\models', 401, 200],
    ['GET /v1/../health', 200, 200],
    ['GET /health', 200, 200],
    ['GET /health?/v1/models', 200, 200],
    ['GET /health/', 401, 404],
    ['GET //health', 401, 404],
    ['GET /Health', 401, 404],
    ['GET /%68ealth', 401, 404],
    ['GET /health%00', 401, 404],
    ['GET /health#', 401, 404],
    ['GET /health#/v1/models/demo/echo', 401, 404],
    ['GET /?/v1/models/demo/echo', 200, 200],
    ['GET /x/health', 401, 404],
    ['GET http://elsewhere/v1/models', 401, 200],
    ['GET http://elsewhere/health', 200, 200],
    ['GET http://elsewhere', 200, 200],
    ['HEAD /v1/models', 401, 200],
    ['HEAD /v1/models/demo/echo', 401, 200],
    ['OPTIONS /v1/models', 401, 405],
    ['OPTIONS /health', 401, 405],
    ['TRACE /health', 401, 405],
    ['CONNECT /health', 401, 405],
    ['POST /health', 401, 405],
    ['PUT /v1/models', 401, 405],
  ]
  // with a host of fewer than four characters the router takes another position as the beginning of the path
  for (const host of ['gateway.example', 'a', 'aa', 'a:1', '127.0.0.1']) {
    for (const [request, without, withKey] of spellings) {
      test(`${request} at ${host} is ${without} without a key, ${withKey} with it`, async () => {
        const isHead = request.startsWith('HEAD')
        for (const [header, status] of [
          ['', without],
          [`Authorization: Bearer ${key}\r\n`, withKey],
        ] as const) {
          using client = new RawClient(keyed.url)
          void client.send(`${request} HTTP/1.1\r\nHost: ${host}\r\n${header}Content-Length: 0\r\n\r\n`)
          const reply = await client.reply(5_000, isHead ? { to: 'HEAD' } : {})
          expect(reply.status).toBe(status)
          if (status >= 400 && !isHead) errorIn(reply.body)
        }
      })
    }
  }

  for (const header of [
    'X-HTTP-Method-Override: GET',
    'X-Original-URL: /health',
    'X-Rewrite-URL: /health',
    'X-Forwarded-Prefix: /health',
  ]) {
    test(`${header} changes nothing`, async () => {
      const reply = await askRaw(
        keyed.url,
        `POST /v1/models HTTP/1.1\r\nHost: gateway\r\n${header}\r\nContent-Length: 0\r\n\r\n`,
      )
      expect(reply.status).toBe(401)
    })
  }

  for (const request of [
    'GET /v1/models HTTP/1.0',
    'GET /health HTTP/1.0',
    'POST /v1/chat/completions HTTP/1.0',
    'GET http://a/health HTTP/1.0',
  ]) {
    test(`${request} without a Host is 400`, async () => {
      const reply = await askRaw(keyed.url, `${request}\r\nAuthorization: Bearer ${key}\r\n\r\n`)
      expect(reply.status).toBe(400)
      expect(errorIn(reply.body).code).toBe('invalid_host')
    })
  }

  for (const host of [
    '',
    'a b',
    'gateway/health?',
    'gateway/health#',
    '/health?',
    'user@gateway',
    'gateway?',
    'a,b',
    '[::1',
    'a:b',
    '\xfc.example',
  ]) {
    test(`"Host: ${host}" is 400`, async () => {
      const reply = await askRaw(
        keyed.url,
        `GET /health HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n\r\n`,
      )
      expect(reply.status).toBe(400)
      expect(errorIn(reply.body).code).toBe('invalid_host')
    })
  }

  test('two Host headers are 400', async () => {
    const reply = await askRaw(keyed.url, 'GET /health HTTP/1.1\r\nHost: gateway\r\nHost: gateway\r\n\r\n')
    expect(reply.status).toBe(400)
  })

  test('HTTP/1.0 with a Host is answered', async () => {
    expect((await askRaw(keyed.url, 'GET /health HTTP/1.0\r\nHost: gateway\r\n\r\n')).status).toBe(200)
  })
})
