import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import type { ReplyHead } from './http-head.ts'
import { ReplyParser } from './http-parser.ts'

interface Read {
  readonly status: number | undefined
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** `whole`, `whole+N` if N bytes follow, `open` if bytes are missing, or the code of the error. */
  readonly end: string
}

/** Reads bytes in these pieces. With `closes`, the connection ends after them. */
function read(pieces: readonly Buffer[], { method = 'GET', closes = true } = {}): Read {
  let head: ReplyHead | undefined
  let isWhole = false
  const parts: Buffer[] = []
  const parser = new ReplyParser(method, {
    head: (found) => {
      head = found
    },
    body: (bytes) => parts.push(Buffer.from(bytes)),
    end: () => {
      isWhole = true
    },
  })
  let end = 'open'
  try {
    let surplus = 0
    for (const piece of pieces) surplus += piece.length - (isWhole ? 0 : parser.push(piece))
    if (closes) parser.close()
    if (isWhole) end = surplus > 0 ? `whole+${surplus}` : 'whole'
  } catch (thrown) {
    end = thrown instanceof ChatError ? thrown.code : String(thrown)
  }
  return {
    status: head?.status,
    headers: head ? [...head.headers] : [],
    body: Buffer.concat(parts).toString('latin1'),
    end,
  }
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const readText = (text: string, options = {}) => read([bytes(text)], options)
const ok = (headers: string, body = '') => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`
const length = 'content-length: 5\r\n'
const chunked = 'transfer-encoding: chunked\r\n'

describe('a reply is read', () => {
  const rows: readonly (readonly [name: string, text: string, body: string, end: string, method?: string])[] = [
    ['by its length', ok(length, 'hello'), 'hello', 'whole'],
    ['by its length, with bytes after it', ok(length, 'helloHTTP/1.1'), 'hello', 'whole+8'],
    ['by a length of zero', ok('content-length: 0\r\n'), '', 'whole'],
    ['by a length with leading zeros', ok('content-length: 0005\r\n', 'hello'), 'hello', 'whole'],
    ['by its chunks', ok(chunked, '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'), 'hello world', 'whole'],
    [
      'by chunks of any case, with zeros',
      ok(chunked, '00A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n'),
      '01234567890123456789',
      'whole',
    ],
    ['by chunks with extensions', ok(chunked, '5;a=b;c="d"\r\nhello\r\n0;last\r\n\r\n'), 'hello', 'whole'],
    ['by chunks with trailers', ok(chunked, '5\r\nhello\r\n0\r\nx-a: b\r\nx-c: d\r\n\r\n'), 'hello', 'whole'],
    ['by a length that is repeated', ok(`${length}Content-Length: 5, 5\r\n`, 'hello'), 'hello', 'whole'],
    ['by padded chunks', ok(chunked, '5  \r\nhello\r\n1 ;a\r\n!\r\n0\t\r\n\r\n'), 'hello!', 'whole'],
    ['by a coding in capitals', ok('Transfer-Encoding: CHUNKED\r\n', '1\r\na\r\n0\r\n\r\n'), 'a', 'whole'],
    ['by the end of the connection', ok('x-a: b\r\n', 'hello'), 'hello', 'whole'],
    [
      'by the end of the connection, coded as identity',
      ok('transfer-encoding: Identity\r\n', 'hello'),
      'hello',
      'whole',
    ],
    [
      'whose lines end in line feeds',
      'HTTP/1.1 103 Early\n\nHTTP/1.1 200 OK\nx-a: b\ncontent-length: 5\n\nhello',
      'hello',
      'whole',
    ],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', 'hello', 'whole'],
    ['without words after its status', 'HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na', 'a', 'whole'],
    [
      'after interim ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n${ok(length, 'hello')}`,
      'hello',
      'whole',
    ],
    ['without a body after 204', 'HTTP/1.1 204 No\r\n\r\n', '', 'whole'],
    ['without a body after 304, with any length', `HTTP/1.1 304 No\r\n${length}\r\n`, '', 'whole'],
    ['without a body to HEAD', ok(length), '', 'whole', 'HEAD'],
  ]
  for (const [name, text, body, end, method = 'GET'] of rows) {
    test(name, () => {
      const whole = readText(text, { method })
      expect(whole).toMatchObject({ body, end })
      const all = bytes(text)
      for (let at = 0; at <= all.length; at++)
        expect({ at, ...read([all.subarray(0, at), all.subarray(at)], { method }) }).toEqual({ at, ...whole })
      expect(
        read(
          [...all].map((byte) => Buffer.from([byte])),
          { method },
        ),
      ).toEqual(whole)
      for (let at = 0; at < all.length - Number(end.slice(6)); at++) {
        const cut = read([all.subarray(0, at)], { method })
        if (/end of the connection|1\.0/.test(name) && cut.status) continue
        // the last chunk has come, and only the empty line after it is missing
        if (all.subarray(0, at).includes('\r\n0') && cut.end === 'whole' && cut.body === body) continue
        expect({ at, end: cut.end }).toEqual({ at, end: 'upstream_disconnected' })
      }
    })
  }
})

test('the end of the connection does not end a reply that is incomplete', () => {
  expect(readText(ok(length, 'hell'), { closes: false }).end).toBe('open')
  expect(readText(ok(length, 'hell')).end).toBe('upstream_disconnected')
  expect(readText(ok(chunked, '5\r\nhello\r\n0')).end).toBe('upstream_disconnected')
})

test('a chunked body is whole after its last chunk, and the end of the connection may replace the empty line', () => {
  expect(readText(ok(chunked, '5\r\nhello\r\n0\r\n'))).toMatchObject({ body: 'hello', end: 'whole' })
  expect(readText(ok(chunked, '5\r\nhello\r\n0\r\n'), { closes: false }).end).toBe('open')
})

test('headers keep their values: repeated, empty, in Latin-1, with blanks around them', () => {
  const { headers } = readText(
    ok('A: 1\r\nset-cookie: x\r\nset-cookie: y\r\nempty:\r\nb:\t caf\xe9 \t\r\na: 2\r\ncontent-length: 0\r\n'),
  )
  expect(headers).toEqual([
    ['a', '1, 2'],
    ['b', 'caf\xe9'],
    ['content-length', '0'],
    ['empty', ''],
    ['set-cookie', 'x'],
    ['set-cookie', 'y'],
  ])
})

const refused: Readonly<Record<string, string>> = {
  'both lengths': ok(`${length}${chunked}`, '5\r\nhello\r\n0\r\n\r\n'),
  'both lengths, in the other order': ok(`${chunked}${length}`, '5\r\nhello\r\n0\r\n\r\n'),
  'both lengths after 204': `HTTP/1.1 204 No\r\n${chunked}${length}\r\n`,
  'two spellings of a length': ok(`${length}content-length: 05\r\n`, 'hello'),
  'a length next to the coding identity': ok(`${length}transfer-encoding: identity\r\n`, 'hello'),
  'two lengths of two kinds': ok(`${length}content-length: 6\r\n`, 'hello'),
  'two codings': ok(`${chunked}${chunked}`, '0\r\n\r\n'),
  ...Object.fromEntries(
    ['+5', '-5', '5,', '5, 6', '5\xa0', '0x5', '1e1', '5 5', '', 'five', '5.0', '9'.repeat(30), '\u00b2', '5;'].map(
      (value) => [`the length "${value}"`, ok(`content-length: ${value}\r\n`, 'hello')],
    ),
  ),
  ...Object.fromEntries(
    [
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'identity, chunked',
      'xchunked',
      '"chunked"',
      'chunked;q=1',
      '',
      '\x0bchunked',
    ].map((value) => [`the coding "${value}"`, ok(`transfer-encoding: ${value}\r\n`, '0\r\n\r\n')]),
  ),
  ...Object.fromEntries(
    ['g', '', ' 5', '5 5', '5\xa0', '-5', '+5', '0x5', '5,', '5\x00', 'f'.repeat(14), '5;\x01', '5\r'].map((size) => [
      `a chunk of the size ${JSON.stringify(size)}`,
      ok(chunked, `${size}\r\nhello\r\n0\r\n\r\n`),
    ]),
  ),
  'a chunk that is longer than its size': ok(chunked, '4\r\nhello\r\n0\r\n\r\n'),
  'a chunk whose size ends without a carriage return': ok(chunked, '5\nhello\r\n0\r\n\r\n'),
  'a folded header': ok('x-a: b\r\n c\r\ncontent-length: 0\r\n'),
  'a folded first header': ok(' x-a: b\r\ncontent-length: 0\r\n'),
  'a name with a blank after it': ok('content-length : 0\r\n'),
  'a name with a control character': ok('x\x01a: b\r\ncontent-length: 0\r\n'),
  'no name': ok(': b\r\ncontent-length: 0\r\n'),
  'no colon': ok('x-a\r\ncontent-length: 0\r\n'),
  'a NUL': ok('x-a: b\x00c\r\ncontent-length: 0\r\n'),
  'a bare carriage return': ok('x-a: b\rc\r\ncontent-length: 0\r\n'),
  'a bare line feed': ok('x-a: b\nx-c: d\r\ncontent-length: 0\r\n'),
  'a first line that ends in a bare line feed': 'HTTP/1.1 200 OK\nx-a: b\r\ncontent-length: 0\r\n\r\n',
  'an empty line that ends in a bare line feed': 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\n',
  'a carriage return among bare line feeds': 'HTTP/1.1 200 OK\nx-a: b\r\n\n',
  'a DEL': ok('x-a: \x7f\r\ncontent-length: 0\r\n'),
  'another protocol': 'HTTP/2 200\r\n\r\n',
  'another version': 'HTTP/1.2 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  'a change of the protocol': 'HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n',
  'seventeen interim replies': `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17)}${ok(length, 'hello')}`,
  'a head that is too long': ok(`x-a: ${'a'.repeat(70_000)}\r\ncontent-length: 0\r\n`),
  'a first line without an end': 'HTTP/1.1 200 OK'.padEnd(70_000, 'x'),
  'too many headers': ok(`${'x-a: b\r\n'.repeat(257)}content-length: 0\r\n`),
  'trailers that are too long': ok(chunked, `0\r\n${`x-a: ${'a'.repeat(9_000)}\r\n`.repeat(9)}\r\n`),
  'too many trailers': ok(chunked, `0\r\n${'x-a: b\r\n'.repeat(300)}\r\n`),
  'a trailer without a name': ok(chunked, '0\r\n: a\r\n\r\n'),
  'chunk extensions that are too long': ok(chunked, `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
  'sizes with too many zeros': ok(chunked, `${`${'0'.repeat(9_000)}1\r\nx\r\n`.repeat(2)}0\r\n\r\n`),
  'chunk extensions that are too long in total': ok(chunked, `${'1;aaaaaaaaaaaaaaa\r\nx\r\n'.repeat(2_000)}0\r\n\r\n`),
}

describe('refused as an invalid reply:', () => {
  for (const [name, text] of Object.entries(refused)) {
    test(name, () => {
      const all = bytes(text)
      expect(readText(text, { closes: false }).end).toBe('upstream_bad_response')
      const step = Math.max(1, Math.floor(all.length / 300))
      for (let at = 0; at <= all.length; at += step)
        expect(read([all.subarray(0, at), all.subarray(at)], { closes: false }).end).toBe('upstream_bad_response')
    })
  }
})

test('a head is read in linear time, with blanks at any position', () => {
  const blanks = ' '.repeat(30_000)
  const { user } = process.cpuUsage()
  readText(ok(`x-a: a${blanks}b\r\ncontent-length:${blanks}0\r\n`))
  readText(ok(`content-length: 5${blanks}${blanks}5\r\n`))
  readText(ok(`content-length: 5${blanks},${blanks}5\r\n`))
  readText(ok(chunked, `5${blanks};${blanks}\r\nhello\r\n0${blanks}x\r\n`))
  // microseconds of processor time; a pattern that restarts at each blank would take 20 s
  expect(process.cpuUsage().user - user).toBeLessThan(1_000_000)
})

test('sizes that are padded to eight digits do not count as extensions', () => {
  const body = '00000001\r\na\r\n1       \r\nb\r\n'.repeat(4_000)
  expect(readText(ok(chunked, `${body}00000000\r\n\r\n`))).toMatchObject({ body: 'ab'.repeat(4_000), end: 'whole' })
})

test('256 headers and a head just below the limit are read', () => {
  expect(readText(ok(`${'x-a: b\r\n'.repeat(255)}content-length: 0\r\n`)).end).toBe('whole')
  expect(readText(ok(`x-a: ${'a'.repeat(65_000)}\r\ncontent-length: 0\r\n`)).end).toBe('whole')
})

test('the version, the header and the framing decide whether a connection is kept', () => {
  const keeps = (text: string) => {
    let found: ReplyHead | undefined
    const parser = new ReplyParser('GET', {
      head: (head) => {
        found = head
      },
      body: () => undefined,
      end: () => undefined,
    })
    parser.push(bytes(text))
    return [found?.keepsAlive, found?.keepAliveMs]
  }
  expect(keeps(ok(length))).toEqual([true, undefined])
  expect(keeps(ok(`Connection: Close\r\n${length}`))).toEqual([false, undefined])
  expect(keeps(ok(`connection: keep-alive, close\r\n${length}`))).toEqual([false, undefined])
  expect(keeps(ok(''))).toEqual([false, undefined])
  expect(keeps(ok(`keep-alive: timeout=5, max=100\r\n${length}`))).toEqual([true, 5_000])
  expect(keeps('HTTP/1.1 204 No\r\n\r\n')).toEqual([true, undefined])
  expect(keeps(`HTTP/1.1 204 No\r\n${length}\r\n`)).toEqual([false, undefined])
  expect(keeps(`HTTP/1.1 204 No\r\n${chunked}\r\n`)).toEqual([false, undefined])
  expect(keeps(`HTTP/1.1 304 No\r\n${length}\r\n`)).toEqual([true, undefined])
  expect(keeps('HTTP/1.1 200 OK\ncontent-length: 5\n\n')).toEqual([false, undefined])
  expect(keeps(`HTTP/1.0 200 OK\r\n${length}\r\n`)).toEqual([false, undefined])
  expect(keeps(`HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n${length}\r\n`)).toEqual([true, undefined])
  expect(keeps(`HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n${chunked}\r\n`)).toEqual([false, undefined])
})

test('the chunks of one read are given as one piece', () => {
  const got: string[] = []
  const parser = new ReplyParser('GET', {
    head: () => undefined,
    body: (part) => got.push(part.toString()),
    end: () => undefined,
  })
  parser.push(bytes(ok(chunked, '1\r\na\r\n2\r\nbc\r\n3\r\nd')))
  parser.push(bytes('ef\r\n1\r\ng\r\n0\r\n\r\n'))
  expect(got).toEqual(['abcd', 'efg'])
})
