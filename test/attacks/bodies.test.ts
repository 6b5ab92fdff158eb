import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { startChild } from '../chaos/child.ts'
import { times } from '../sizes.ts'
import { measureBelow, within } from '../waiting.ts'
import { askRaw, errorIn, hello, key, post, RawClient, startApp, type TestApp } from './rig.ts'

// reliability: P15 in section 1, items 29, 31 and 33 in section 4

const limit = 100_000
let emulator: OpenaiEmulator
let app: TestApp
beforeAll(async () => {
  emulator = await emulateOpenai()
  app = startApp({ API_MASTER_KEY: key, MAX_BODY_BYTES: String(limit), OPENAI_BASE_URL: emulator.url })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await emulator.close()
})

const head = (...headers: string[]) =>
  `${['POST /v1/chat/completions HTTP/1.1', 'Host: gateway', `Authorization: Bearer ${key}`, ...headers].join('\r\n')}\r\n\r\n`
const chunk = (bytes: string) => `${Buffer.byteLength(bytes).toString(16)}\r\n${bytes}\r\n`

/** Makes a valid body of exactly this number of bytes. */
function bodyOf(bytes: number): string {
  const body = { model: 'gpt-test', messages: [{ role: 'user', content: '' }] }
  return JSON.stringify({ ...body, user: 'u'.repeat(bytes - JSON.stringify({ ...body, user: '' }).length) })
}

/** Megabytes. */
const large = times(150, 300)

describe('P15: a body', () => {
  test('of exactly the limit is read, in both framings', async () => {
    const body = bodyOf(limit)
    expect(body).toHaveLength(limit)
    expect((await askRaw(app.url, `${head(`Content-Length: ${limit}`)}${body}`)).status).toBe(200)
    const halves = chunk(body.slice(0, 50_000)) + chunk(body.slice(50_000))
    expect((await askRaw(app.url, `${head('Transfer-Encoding: chunked')}${halves}0\r\n\r\n`)).status).toBe(200)
  })

  const oversized: readonly (readonly [string, string])[] = [
    ['with a Content-Length over the limit, before any byte has come', head(`Content-Length: ${limit + 1}`)],
    ['with a Content-Length over the limit', `${head(`Content-Length: ${limit + 1}`)}${bodyOf(limit + 1)}`],
    ['with the largest possible Content-Length', head(`Content-Length: ${Number.MAX_SAFE_INTEGER}`)],
    ['in one chunk over the limit', `${head('Transfer-Encoding: chunked')}${chunk(bodyOf(limit + 1))}`],
    [
      'in chunks that exceed the limit together',
      `${head('Transfer-Encoding: chunked')}${chunk('x'.repeat(1000)).repeat(101)}`,
    ],
    ['in 100,001 chunks of a byte', `${head('Transfer-Encoding: chunked')}${chunk('x').repeat(limit + 1)}`],
    ['that is chunked and complete', `${head('Transfer-Encoding: chunked')}${chunk(bodyOf(limit + 1))}0\r\n\r\n`],
  ]
  for (const [name, bytes] of oversized) {
    test(`${name} is 413`, async () => {
      const reply = await askRaw(app.url, bytes)
      expect(reply.status).toBe(413)
      expect(errorIn(reply.body)).toMatchObject({ type: 'invalid_request_error', code: 'request_too_large' })
    })
  }

  test('over the limit does not hide a request: the next request is answered separately', async () => {
    using client = new RawClient(app.url)
    const hidden = 'GET /ready HTTP/1.1\r\nHost: gateway\r\n\r\n'
    const body = hidden.repeat(Math.ceil(limit / hidden.length) + 1)
    void client.send(`${head(`Content-Length: ${body.length}`)}${body}GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n`)
    expect((await client.reply()).status).toBe(413)
    expect((await client.reply()).body).toContain('"status":"ok"')
  })

  test('of 40 MB is 413 to a client that writes all of it before it reads', async () => {
    using client = new RawClient(app.url)
    await client.send(head('Content-Length: 40000000'))
    await within(client.send(Buffer.alloc(40_000_000, 'x')), 15_000, 'the body to be taken')
    expect((await client.reply()).status).toBe(413)
  })

  for (const framing of [`Content-Length: ${large}000000`, 'Transfer-Encoding: chunked']) {
    test(`of ${large} MB costs no memory (${framing.split(':')[0]})`, async () => {
      // the gateway has its own process, because the client and other tests leave garbage in this one
      await using child = await startChild({ API_MASTER_KEY: key, MAX_BODY_BYTES: String(limit) })
      using client = new RawClient(child.url)
      await client.send(head(framing))
      const megabyte = Buffer.alloc(1_000_000, 'x')
      const part = framing.startsWith('T')
        ? Buffer.concat([Buffer.from('f4240\r\n'), megabyte, Buffer.from('\r\n')])
        : megabyte
      const before = child.rss()
      let most = 0
      for (let sent = 0; sent < large; sent++) {
        await client.send(part)
        most = Math.max(most, child.rss())
      }
      expect((await client.reply()).status).toBe(413)
      expect((most - before) / 1e6).toBeLessThan(large / 3)
    })
  }

  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x-unknown']) {
    test(`with Content-Encoding: ${encoding} is 415`, async () => {
      const response = await post(app.url, Bun.gzipSync(hello), { 'content-encoding': encoding })
      expect(response.status).toBe(415)
      expect(errorIn(await response.text()).code).toBe('unsupported_media_type')
    })
  }

  test('with Content-Encoding: identity is read', async () => {
    expect((await post(app.url, bodyOf(200), { 'content-encoding': 'identity' })).status).toBe(200)
  })

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'text/json',
    '*/*',
  ]) {
    test(`of type ${type} is 415`, async () => {
      const response = await post(app.url, bodyOf(200), { 'content-type': type })
      expect(response.status).toBe(415)
      expect(errorIn(await response.text()).code).toBe('unsupported_media_type')
    })
  }

  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/merge-patch+json',
  ]) {
    test(`of type ${type} is read`, async () => {
      expect((await post(app.url, bodyOf(200), { 'content-type': type })).status).toBe(200)
    })
  }

  test('without a type is read', async () => {
    const body = bodyOf(200)
    expect((await askRaw(app.url, `${head(`Content-Length: ${body.length}`)}${body}`)).status).toBe(200)
  })
})

describe('a body whose client', () => {
  test('leaves in its middle does not count as a failure', async () => {
    app.lines.length = 0
    const client = new RawClient(app.url)
    await client.send(`${head('Content-Length: 1000')}{"model":`)
    client.leave()
    expect((await fetch(`${app.url}/health`)).status).toBe(200)
    expect(app.lines.filter((line) => JSON.parse(line).level === 'error')).toEqual([])
  })

  test('waits for 100-continue gets a 100 first', async () => {
    using client = new RawClient(app.url)
    const body = bodyOf(300)
    void client.send(head('Expect: 100-continue', `Content-Length: ${body.length}`))
    expect((await client.reply()).status).toBe(100)
    void client.send(body)
    expect((await client.reply()).status).toBe(200)
  })
})

// reliability, item 31. Each test waits for a deadline, so they run at the same time.
describe('item 31: a slow client', () => {
  test.concurrent('that drips its body is cut off with 408', async () => {
    using client = new RawClient(app.url)
    void client.send(`${head('Content-Length: 100000')}{`)
    const dripping = setInterval(() => void client.send(' '), 500)
    try {
      const startedAt = performance.now()
      const reply = await client.reply(60_000)
      expect(performance.now() - startedAt).toBeGreaterThan(9_000)
      expect(reply.status).toBe(408)
      expect(errorIn(reply.body).code).toBe('request_timeout')
      await client.closed()
    } finally {
      clearInterval(dripping)
    }
  })

  test.concurrent('that drips a chunked body is cut off with 408', async () => {
    using client = new RawClient(app.url)
    void client.send(`${head('Transfer-Encoding: chunked')}${chunk('{')}`)
    const dripping = setInterval(() => void client.send(chunk(' ')), 500)
    try {
      expect((await client.reply(60_000)).status).toBe(408)
      await client.closed()
    } finally {
      clearInterval(dripping)
    }
  })

  test.concurrent('that falls silent within its body is cut off with 408', async () => {
    using client = new RawClient(app.url)
    void client.send(`${head('Content-Length: 100')}{"model":`)
    expect((await client.reply(60_000)).status).toBe(408)
    await client.closed()
  })

  // src/api/server.test.ts tests a connection that was used before
  test.concurrent('that drips its head is cut off', async () => {
    using client = new RawClient(app.url)
    void client.send('GET /health HTTP/1.1\r\n')
    const dripping = setInterval(() => void client.send('X-Drip: x\r\n'), 500)
    try {
      await client.closed(60_000)
    } finally {
      clearInterval(dripping)
    }
  })

  test.concurrent('does not hold up others', async () => {
    const slow = Array.from({ length: 200 }, () => new RawClient(app.url))
    await Promise.all(slow.map((client) => client.send(`${head('Content-Length: 1000')}{`)))
    await measureBelow(500, 'milliseconds of an answer', async () => {
      const startedAt = performance.now()
      expect((await post(app.url, bodyOf(200))).status).toBe(200)
      return performance.now() - startedAt
    })
    for (const client of slow) client.leave()
  })
})

describe('item 29: JSON that is', () => {
  const nest = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const refused: readonly (readonly [string, string | Uint8Array<ArrayBuffer>, string])[] = [
    ['empty', '', 'invalid_json'],
    ['white space', ' \n ', 'invalid_json'],
    ['cut short', hello.slice(0, -2), 'invalid_json'],
    ['followed by more', `${hello}{}`, 'invalid_json'],
    ['no JSON', '<html>', 'invalid_json'],
    ['65 levels deep', `{"messages":${nest(64)}}`, 'invalid_json'],
    ['10,000 levels deep', nest(10_000), 'invalid_json'],
    ['10,000 levels deep and cut', '{"a":'.repeat(10_000), 'invalid_json'],
    ['NaN', hello.replace('"Hello"', 'NaN'), 'invalid_json'],
    ['Infinity', hello.replace('"Hello"', '-Infinity'), 'invalid_json'],
    ['a raw control character in a string', hello.replace('Hello', 'a\nb'), 'invalid_json'],
    ['UTF-16 with a byte order mark', Buffer.from(`\ufeff${hello}`, 'utf16le'), 'invalid_json'],
    ['UTF-16 without one', Buffer.from(hello, 'utf16le'), 'invalid_json'],
    ['Latin-1', Buffer.from(hello.replace('Hello', 'h\xe9llo'), 'latin1'), 'invalid_json'],
    ['a lone surrogate in UTF-8 (CESU)', Buffer.from(hello.replace('Hello', '\xed\xa0\xbd'), 'latin1'), 'invalid_json'],
    ['an overlong slash', Buffer.from(hello.replace('Hello', '\xc0\xaf'), 'latin1'), 'invalid_json'],
    ['a NUL', `\0${hello}`, 'invalid_json'],
  ]
  for (const [name, body, code] of refused) {
    test(`${name} is 400`, async () => {
      const response = await post(app.url, body)
      expect(response.status).toBe(400)
      expect(errorIn(await response.text())).toMatchObject({ type: 'invalid_request_error', code })
    })
  }

  const wrong: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['a number', 1],
    ['a string', 'hello'],
    ['a list', []],
    ['an empty object', {}],
    ['an object without messages', { model: 'gpt-test' }],
    ['an object with no message', { model: 'gpt-test', messages: [] }],
    ['messages as an object', { model: 'gpt-test', messages: { length: 1 } }],
    ['a model as a list', { model: ['gpt-test'], messages: [{ role: 'user', content: 'a' }] }],
  ]
  for (const [name, body] of wrong) {
    test(`${name} is 400`, async () => {
      const response = await post(app.url, JSON.stringify(body))
      expect(response.status).toBe(400)
      expect(errorIn(await response.text()).type).toBe('invalid_request_error')
    })
  }

  test('1e400 is 400', async () => {
    const response = await post(
      app.url,
      '{"model":"gpt-test","messages":[{"role":"user","content":"a"}],"temperature":1e400}',
    )
    expect(response.status).toBe(400)
    expect(errorIn(await response.text()).param).toBe('temperature')
  })

  test('5,000,000 levels deep is 400, at once', async () => {
    await using large = startApp({ API_MASTER_KEY: key })
    await measureBelow(1_000, 'milliseconds of a refusal', async () => {
      const startedAt = performance.now()
      const response = await post(large.url, nest(5_000_000))
      expect(response.status).toBe(400)
      expect(errorIn(await response.text()).message).toContain('64 levels')
      return performance.now() - startedAt
    })
  })

  test('an object of a million members is answered, and does not block other requests', async () => {
    await using large = startApp({ API_MASTER_KEY: key, OPENAI_BASE_URL: emulator.url })
    const members = Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":0`).join(',')
    const body = `{"model":"gpt-test","messages":[{"role":"user","content":"a"}],"metadata":{${members}}}`
    const response = await post(large.url, body)
    expect([200, 400]).toContain(response.status)
    expect((await fetch(`${large.url}/health`)).status).toBe(200)
  })

  test('a number of 90 KB is answered', async () => {
    const body = `{"model":"gpt-test","messages":[{"role":"user","content":"a"}],"seed":${'9'.repeat(90_000)}}`
    expect((await post(app.url, body)).status).toBe(400)
  })

  test('64 levels deep is read, and brackets in strings do not count', async () => {
    const body = { model: 'gpt-test', messages: [{ role: 'user', content: '['.repeat(10_000) }] }
    expect((await post(app.url, JSON.stringify(body))).status).toBe(200)
    const deep = `{"model":"gpt-test","messages":[{"role":"user","content":"a"}],"metadata":{"a":${nest(62)}}}`
    expect((await post(app.url, deep)).status).toBe(200)
  })

  test('UTF-8 with a byte order mark is read', async () => {
    expect((await post(app.url, `\ufeff${bodyOf(200)}`)).status).toBe(200)
  })

  test('a body with two members of the same name is read with the last one', async () => {
    const body = '{"model":"nothing","model":"gpt-test","messages":[{"role":"user","content":"a"}]}'
    expect((await post(app.url, body)).status).toBe(200)
  })

  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    test(`a member called ${name} at every level changes nothing else`, async () => {
      const evil = `"${name}":{"polluted":true,"prototype":{"polluted":true}}`
      const body = `{${evil},"model":"gpt-test","messages":[{${evil},"role":"user","content":[{${evil},"type":"text","text":"a"}]}],
        "tools":[{${evil},"type":"function","function":{${evil},"name":"f","parameters":{${evil}}}}],"metadata":{${evil}},
        "stream_options":{${evil}},"response_format":{${evil},"type":"json_schema","json_schema":{${evil},"name":"s"}}}`
      const response = await post(app.url, body)
      expect([200, 400]).toContain(response.status)
      expect(Reflect.get({}, 'polluted')).toBeUndefined()
      expect(Reflect.get(Object, 'polluted')).toBeUndefined()
      expect((await post(app.url, bodyOf(200))).status).toBe(200)
    })
  }
})

describe('item 33: a header of a client', () => {
  const askWith = (header: string) => askRaw(app.url, `GET /health HTTP/1.1\r\nHost: gateway\r\n${header}\r\n\r\n`)

  for (const id of ['abc-123', 'req_01JABC', 'trace/1:2.3=@+', 'a'.repeat(128)]) {
    test(`x-request-id ${id.slice(0, 20)} is kept`, async () => {
      expect((await askWith(`X-Request-Id: ${id}`)).headers.get('x-request-id')).toBe(id)
    })
  }

  for (const id of [
    '',
    'a b',
    '<script>',
    '"',
    "'",
    '\xe9',
    'a'.repeat(129),
    '{"a":1}',
    'a,b',
    'a;b',
    '%0d%0aSet-Cookie:x',
    '\\u001b[31m',
  ]) {
    test(`x-request-id ${JSON.stringify(id.slice(0, 20))} is replaced`, async () => {
      expect((await askWith(`X-Request-Id: ${id}`)).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    })
  }

  for (const [name, header] of [
    ['CR', 'X-Request-Id: a\rSet-Cookie: b'],
    ['a folded line', 'X-Request-Id: a\r\n Set-Cookie: b'],
    ['NUL', 'X-Request-Id: a\0b'],
    ['a bare LF', 'X-Request-Id: a\nSet-Cookie: b'],
  ] as const) {
    test(`x-request-id with ${name} sets no header of the answer`, async () => {
      const reply = await askWith(header)
      expect(reply.headers.has('set-cookie')).toBe(false)
      expect(reply.headers.get('x-request-id') ?? '').not.toContain('a')
      if (name !== 'a bare LF') expect(reply.status).toBe(400)
    })
  }

  test('x-request-id with CR and LF is two headers, of which the answer has one', async () => {
    const reply = await askWith('X-Request-Id: a\r\nSet-Cookie: b')
    expect(reply.headers.get('x-request-id')).toBe('a')
    expect(reply.headers.has('set-cookie')).toBe(false)
  })

  test('a header of 10 KB is accepted, a header of 100 KB is 431', async () => {
    expect((await askWith(`X-Large: ${'a'.repeat(10_240)}`)).status).toBe(200)
    expect((await askWith(`X-Large: ${'a'.repeat(102_400)}`)).status).toBe(431)
  })

  test('a thousand headers are 431', async () => {
    expect((await askWith(Array.from({ length: 1_001 }, (_, at) => `X-${at}: a`).join('\r\n'))).status).toBe(431)
  })

  test('only the body of a client reaches the upstream', async () => {
    const body = bodyOf(200)
    const before = emulator.requests.length
    const reply = await askRaw(
      app.url,
      `${head(`Content-Length: ${body.length}`, 'Cookie: a=b', 'X-Forwarded-For: 10.0.0.1', 'X-Secret: s', 'User-Agent: evil', 'OpenAI-Organization: org-1', 'Connection: X-Secret')}${body}`,
    )
    expect(reply.status).toBe(200)
    const sent = emulator.requests.slice(before).at(-1)
    expect([...(sent?.headers.keys() ?? [])].sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-tributary-hops',
    ])
    expect(sent?.headers.get('user-agent')).not.toContain('evil')
    expect(sent?.headers.get('connection')).toBe('keep-alive')
    expect(sent?.headers.get('x-tributary-hops')).toBe('1')
  })

  test("an upstream's headers do not reach the client", async () => {
    emulator.script({
      headers: {
        'content-type': 'application/json',
        'set-cookie': 'a=b',
        'x-should-retry': 'true',
        server: 'upstream',
        'x-request-id': 'theirs',
      },
      body: ['{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'],
    })
    const response = await post(app.url, bodyOf(200))
    expect(response.status).toBe(200)
    for (const name of ['set-cookie', 'x-should-retry', 'server']) expect(response.headers.has(name)).toBe(false)
    expect(response.headers.get('x-request-id')).not.toBe('theirs')
  })
})
