import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { key, RawClient, startApp, type TestApp } from './rig.ts'

// reliability, section 4, item 32: the listener refuses ambiguous requests, and closes the connection. Bun parses HTTP, so this
// corpus tests Bun, and that no code of ours runs before it.

let app: TestApp
beforeAll(() => {
  app = startApp({ API_MASTER_KEY: key })
})
afterAll(() => app[Symbol.asyncDispose]())

const hidden = 'GET /ready HTTP/1.1\r\nHost: gateway\r\n\r\n'
const post = (...headers: string[]) =>
  `${['POST /v1/chat/completions HTTP/1.1', 'Host: gateway', `Authorization: Bearer ${key}`, ...headers].join('\r\n')}\r\n\r\n`
const get = (...headers: string[]) => `${['GET /health HTTP/1.1', ...headers].join('\r\n')}\r\n\r\n`

const ambiguous: readonly (readonly [string, string])[] = [
  [
    'Content-Length and Transfer-Encoding',
    `${post('Content-Length: 3', 'Transfer-Encoding: chunked')}0\r\n\r\n${hidden}`,
  ],
  [
    'Transfer-Encoding and Content-Length',
    `${post('Transfer-Encoding: chunked', 'Content-Length: 3')}0\r\n\r\n${hidden}`,
  ],
  ['two Content-Lengths that differ', `${post('Content-Length: 3', 'Content-Length: 4')}{a}${hidden}`],
  ['a list of Content-Lengths', `${post('Content-Length: 3, 4')}{a}${hidden}`],
  ['Content-Length with a sign', `${post('Content-Length: +3')}{a}${hidden}`],
  ['a negative Content-Length', `${post('Content-Length: -3')}{a}${hidden}`],
  ['a Content-Length in hex', `${post('Content-Length: 0x3')}{a}${hidden}`],
  ['a Content-Length that is not a number', `${post('Content-Length: 3a')}{a}${hidden}`],
  ['a Content-Length beyond the range of numbers', `${post(`Content-Length: ${'9'.repeat(30)}`)}{a}${hidden}`],
  ['an unknown Transfer-Encoding', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${hidden}`],
  ['chunked that is not last', `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${hidden}`],
  ['two Transfer-Encodings', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: x')}0\r\n\r\n${hidden}`],
  ['a space before the colon', get('Host: gateway', 'X-A : b')],
  ['a space before the colon of the length', `${post('Content-Length : 3')}{a}${hidden}`],
  ['a folded line', get('Host: gateway', 'X-A: b', ' c')],
  ['a folded Transfer-Encoding', `${post('Transfer-Encoding:', ' chunked')}0\r\n\r\n${hidden}`],
  ['lines that end with a bare LF', 'GET /health HTTP/1.1\nHost: gateway\n\n'],
  ['a bare CR in a header', get('Host: gateway', 'X-A: b\rX-B: c')],
  ['NUL in a header', get('Host: gateway', 'X-A: b\0c')],
  ['NUL in a header name', get('Host: gateway', 'X-\0A: b')],
  ['a header without a name', get('Host: gateway', ': b')],
  ['a header without a colon', get('Host: gateway', 'X-A')],
  ['a chunk size with a sign', `${post('Transfer-Encoding: chunked')}+3\r\n{a}\r\n0\r\n\r\n${hidden}`],
  ['a chunk size with 0x', `${post('Transfer-Encoding: chunked')}0x3\r\n{a}\r\n0\r\n\r\n${hidden}`],
  [
    'a chunk size beyond the range of numbers',
    `${post('Transfer-Encoding: chunked')}${'f'.repeat(17)}\r\n{a}\r\n0\r\n\r\n${hidden}`,
  ],
  ['a negative chunk size', `${post('Transfer-Encoding: chunked')}-3\r\n{a}\r\n0\r\n\r\n${hidden}`],
  ['a chunk that is longer than its size', `${post('Transfer-Encoding: chunked')}3\r\n{a}bcd\r\n0\r\n\r\n${hidden}`],
  ['a chunk size line that ends with a bare LF', `${post('Transfer-Encoding: chunked')}3\n{a}\r\n0\r\n\r\n${hidden}`],
  ['no Host', get('X-A: b')],
  ['a second line as the target', 'GET /health\r\nX-A: b HTTP/1.1\r\nHost: gateway\r\n\r\n'],
  ['a space in the target', 'GET /hea lth HTTP/1.1\r\nHost: gateway\r\n\r\n'],
  ['an unknown version', 'GET /health HTTP/3.7\r\nHost: gateway\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['the hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['a target that is *', 'GET * HTTP/1.1\r\nHost: gateway\r\n\r\n'],
  ['an invalid method', 'G E T /health HTTP/1.1\r\nHost: gateway\r\n\r\n'],
  ['a head of a megabyte', get('Host: gateway', `X-A: ${'a'.repeat(1_000_000)}`)],
]
for (const [name, bytes] of ambiguous) {
  test(`item 32: ${name} is refused, and the connection closes`, async () => {
    using client = new RawClient(app.url)
    void client.send(bytes)
    // if only the body is broken, our own answer may come first, which is 400 too
    const first = await client.reply().catch(() => undefined)
    if (first) expect([400, 413, 431, 501, 505]).toContain(first.status)
    await client.closed()
    const second = await client.reply().catch(() => undefined)
    expect(second?.body ?? '').not.toContain('ready')
  })
}

describe('item 32: a valid request', () => {
  test('twice in one packet has two answers, in order', async () => {
    using client = new RawClient(app.url)
    void client.send(get('Host: gateway', 'X-Request-Id: one') + get('Host: gateway', 'X-Request-Id: two'))
    expect((await client.reply()).headers.get('x-request-id')).toBe('one')
    expect((await client.reply()).headers.get('x-request-id')).toBe('two')
  })

  test('with a megabyte of chunk extensions is answered', async () => {
    using client = new RawClient(app.url)
    void client.send(`${post('Transfer-Encoding: chunked')}3;${'a'.repeat(1_000_000)}\r\n{a}\r\n0\r\n\r\n`)
    expect((await client.reply()).status).toBe(413)
    expect((await fetch(`${app.url}/health`)).status).toBe(200)
  })

  test('that comes byte by byte is answered', async () => {
    using client = new RawClient(app.url)
    for (const char of `${post('Content-Length: 3')}{a}`) await client.send(char)
    expect((await client.reply()).status).toBe(400)
  })
})
