import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../chat/error.ts'
import type { ReplyHead } from './http-head.ts'
import { ReplyParser } from './http-parser.ts'
import { wholeReply } from './whole-reply.ts'

interface Read {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** Reads a reply with the parser. Returns undefined unless it is whole, without compression, and keeps its connection. */
function readFully(bytes: Buffer): Read | undefined {
  const found: { head?: ReplyHead; isWhole?: true } = {}
  const parts: Buffer[] = []
  const parser = new ReplyParser('POST', {
    head: (head) => {
      found.head = head
    },
    body: (part) => parts.push(part),
    end: () => {
      found.isWhole = true
    },
  })
  try {
    if (parser.push(bytes) !== bytes.length) return undefined
  } catch {
    return undefined
  }
  const { head, isWhole } = found
  if (!head || !isWhole || !head.keepsAlive || head.keepAliveMs !== undefined) return undefined
  if (head.headers.has('content-encoding')) return undefined
  return { status: head.status, headers: [...head.headers], body: Buffer.concat(parts).toString('latin1') }
}

async function readShortly(bytes: Buffer): Promise<Read | undefined> {
  const reply = wholeReply(bytes, 0)
  if (!reply) return undefined
  const { status, headers } = reply
  return { status, headers: [...headers], body: Buffer.from(await reply.bytes()).toString('latin1') }
}

const blank = fc.constantFrom('', ' ', '  ', '\t')
const name = fc.constantFrom(
  ...['content-length', 'Content-Length', 'CONTENT-LENGTH', 'Transfer-Encoding', 'content-encoding', 'connection'],
  ...['Connection', 'keep-alive', 'date', 'x-content-length', 'content-length-x', 'set-cookie', 'a', ' a', 'a ', ''],
  ...['x\x01', 'connection-x', 'é'],
)
const value = fc.constantFrom(
  ...['5', '0', '05', '6', '5, 5', '5,6', '+5', '', 'chunked', 'identity', 'gzip', 'close', 'keep-alive', 'Keep-Alive'],
  ...['keep-alive, close', 'timeout=5', 'a\x00b', 'a\rb', 'caf\xe9', 'x'],
)
const separator = fc.constantFrom(':', ':', ':', ':', '', ' :')
const ending = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n ')
const line = fc.tuple(name, separator, blank, value, blank, ending).map((parts) => parts.join(''))
const usualLine = fc.constantFrom(
  'Content-Length: 5\r\n',
  'content-type: application/json\r\n',
  'Connection: keep-alive\r\n',
)
const start = fc.oneof(
  fc.constant('HTTP/1.1 200 OK\r\n'),
  fc.constantFrom(
    ...[
      'HTTP/1.0 200 OK\r\n',
      'HTTP/1.1 204 No\r\n',
      'HTTP/1.1 304 No\r\n',
      'HTTP/1.1 101 X\r\n',
      'HTTP/1.1 100 X\r\n',
    ],
    ...[
      'HTTP/1.1 200\r\n',
      'HTTP/1.1  200 OK\r\n',
      'HTTP/1.1 200 O\x7f\r\n',
      'HTTP/1.1 600 X\r\n',
      'HTTP/1.1 500 X\r\n',
    ],
    ...['HTTP/1.1 2000 X\r\n', 'http/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\n', '\r\n', ''],
  ),
)
const body = fc.constantFrom('hello', 'hello', 'hello', 'hell', 'helloo', '', '\r\n\r\nx')
const reply = fc
  .tuple(start, fc.array(fc.oneof(usualLine, usualLine, line), { maxLength: 4 }), body)
  .map(([first, lines, rest]) => Buffer.from(`${first}${lines.join('')}\r\n${rest}`, 'latin1'))

test('a reply that is read at once is read like the parser reads it', async () => {
  let atOnce = 0
  await fc.assert(
    fc.asyncProperty(reply, async (bytes) => {
      const read = await readShortly(bytes)
      if (!read) return
      atOnce++
      expect<unknown>({ text: bytes.toString('latin1'), read }).toEqual({
        text: bytes.toString('latin1'),
        read: readFully(bytes),
      })
    }),
    { numRuns: 20_000 },
  )
  // otherwise the property holds for nothing
  expect(atOnce).toBeGreaterThan(200)
})

const ok = (headers: string, body = 'hello') => Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n${body}`, 'latin1')
const length = 'content-length: 5\r\n'

describe('read at once:', () => {
  for (const [what, bytes] of Object.entries({
    'a usual reply': ok(`Date: today\r\nContent-Type: application/json\r\nContent-Length: 5\r\nServer: x\r\n`),
    'a reply that says that it keeps its connection': ok(`Connection: keep-alive\r\n${length}`),
    'a refusal': Buffer.from(`HTTP/1.1 429 Too Many\r\nretry-after: 5\r\n${length}\r\nhello`),
    'a reply of 32 KiB': ok('content-length: 32724\r\n', 'x'.repeat(32_724)),
  }))
    test(what, () => expect(wholeReply(bytes, 0)).toBeDefined())
})

describe('left to the parser:', () => {
  for (const [what, bytes] of Object.entries({
    'a cut body': ok(length, 'hell'),
    'bytes after the reply': ok(length, 'hello!'),
    'a head without its end': Buffer.from(`HTTP/1.1 200 OK\r\n${length}`),
    'a connection that is closed': ok(`connection: close\r\n${length}`),
    'a reply of Cloudflare’s in place of the server’s': ok(`CF-Mitigated: challenge\r\n${length}`),
    'a compressed body': ok(`content-encoding: gzip\r\n${length}`),
    'a limit of time for the connection': ok(`keep-alive: timeout=5\r\n${length}`),
    'a repeated length': ok(length + length),
    'both lengths': ok(`transfer-encoding: chunked\r\n${length}`),
    'a reply without a body': Buffer.from(`HTTP/1.1 204 No\r\n${length}\r\nhello`),
    'more than 32 KiB': ok('content-length: 33000\r\n', 'x'.repeat(33_000)),
    'more than 256 headers': ok(`${'a: b\r\n'.repeat(257)}${length}`),
  }))
    test(what, () => expect(wholeReply(bytes, 0)).toBeUndefined())
})

test('its body is read once, in any way, and not over the limit', async () => {
  const read = () => wholeReply(ok(length), 7)
  const all = read()
  expect([all?.receivedAt, await all?.text(5), await all?.text()]).toEqual([7, 'hello', ''])
  expect(Buffer.concat(await Array.fromAsync(read()?.body ?? [])).toString()).toBe('hello')
  expect(
    await read()
      ?.bytes(4)
      .catch((thrown: unknown) => thrown),
  ).toBeInstanceOf(ChatError)
  const dropped = read()
  dropped?.discard()
  expect(await dropped?.text()).toBe('')
})

test('headers are found in any case and any number, and are listed like those of the platform', () => {
  const headers = wholeReply(
    ok(`X-A: 1\r\nset-cookie: a=b\r\nx-a:\t2 \r\nSet-Cookie: c\r\n${length}X-B:\r\n`),
    0,
  )?.headers
  expect([headers?.get('x-a'), headers?.get('x-b'), headers?.get('x-c'), headers?.has('x-b')]).toEqual([
    '1, 2',
    '',
    null,
    true,
  ])
  expect(headers?.getSetCookie()).toEqual(['a=b', 'c'])
  expect([...(headers ?? [])].sort()).toEqual([
    ['content-length', '5'],
    ['set-cookie', 'a=b'],
    ['set-cookie', 'c'],
    ['x-a', '1, 2'],
    ['x-b', ''],
  ])
})

test('the time to read a head grows with its length, not with the square', () => {
  const { user } = process.cpuUsage()
  for (const part of ['a:\r\n', 'a: b', 'content-length: 5\r\n', ' ', 'a: \t\r\n'])
    wholeReply(ok(part.repeat(32_000 / part.length)), 0)
  // microseconds of processor time
  expect(process.cpuUsage().user - user).toBeLessThan(1_000_000)
})
