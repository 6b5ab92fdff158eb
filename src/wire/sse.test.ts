import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { measureBelow } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { readSse, SseDecoder, type SseFrame, sseData, sseKeepAlive } from './sse.ts'

const utf8 = new TextEncoder()

async function* of(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

function read(...chunks: readonly (Uint8Array | string)[]): Promise<SseFrame[]> {
  return Array.fromAsync(
    readSse(of(...chunks.map((chunk) => (typeof chunk === 'string' ? utf8.encode(chunk) : chunk)))),
  )
}

/** Cuts the bytes before each of these offsets. */
function cut(bytes: Uint8Array, ...places: readonly number[]): Uint8Array[] {
  return [0, ...places].map((place, at) => bytes.subarray(place, places[at] ?? bytes.length))
}

const oneByOne = (bytes: Uint8Array) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))

/** Streams with splits that matter, each with its events. */
const streams: readonly { readonly name: string; readonly text: string; readonly frames: readonly SseFrame[] }[] = [
  { name: 'LF', text: 'data: a\n\ndata: b\n\n', frames: [{ data: 'a' }, { data: 'b' }] },
  { name: 'CRLF', text: 'data: a\r\n\r\ndata: b\r\n\r\n', frames: [{ data: 'a' }, { data: 'b' }] },
  { name: 'CR only', text: 'data: a\r\rdata: b\r\r', frames: [{ data: 'a' }, { data: 'b' }] },
  {
    name: 'line ends of every kind, mixed',
    text: 'data: a\r\n\ndata: b\n\r\ndata: c\r\n\rdata: d\r\r\ndata: e\n\r',
    frames: [{ data: 'a' }, { data: 'b' }, { data: 'c' }, { data: 'd' }, { data: 'e' }],
  },
  { name: 'a byte order mark', text: '\ufeffdata: a\n\n', frames: [{ data: 'a' }] },
  { name: 'a byte order mark inside', text: 'data: \ufeffa\n\n', frames: [{ data: '\ufeffa' }] },
  {
    name: 'comments and unknown fields',
    text: ': hello\n\nid: 1\nretry: 5\ndata: a\n:\nnonsense\ndata:b\n\n:bye\n\n',
    frames: [{ data: 'a\nb' }],
  },
  { name: 'data without a space', text: 'data:a\n\ndata:  b\n\n', frames: [{ data: 'a' }, { data: ' b' }] },
  { name: 'data of several lines', text: 'data: a\ndata:\ndata: b\n\n', frames: [{ data: 'a\n\nb' }] },
  { name: 'data without a colon', text: 'data\n\ndata\ndata\n\n', frames: [{ data: '' }, { data: '\n' }] },
  {
    name: 'named events',
    text: 'event: ping\ndata: a\n\ndata: b\nevent:pong\n\nevent: void\n\ndata: c\n\n',
    frames: [{ event: 'ping', data: 'a' }, { event: 'pong', data: 'b' }, { data: 'c' }],
  },
  { name: 'UTF-8 of two bytes', text: 'data: äß\n\n', frames: [{ data: 'äß' }] },
  { name: 'UTF-8 of three bytes', text: 'data: €→\u2028。\n\n', frames: [{ data: '€→\u2028。' }] },
  { name: 'UTF-8 of four bytes', text: 'data: 👩‍👩‍👧🏽\n\ndata: 𝄞\n\n', frames: [{ data: '👩‍👩‍👧🏽' }, { data: '𝄞' }] },
  { name: 'UTF-8 around CR', text: 'data: ä\r€\r\rdata: 🙂\r\n\r\n', frames: [{ data: 'ä' }, { data: '🙂' }] },
  { name: 'no blank line at the end', text: 'data: a\n\ndata: b\n', frames: [{ data: 'a' }, { data: 'b' }] },
  { name: 'no line end at the end', text: 'data: a\n\ndata: b', frames: [{ data: 'a' }, { data: 'b' }] },
  { name: 'a lone CR at the end', text: 'data: a\r', frames: [{ data: 'a' }] },
  { name: 'nothing', text: '', frames: [] },
  { name: 'only a comment', text: ': ping\n\n', frames: [] },
  { name: 'prefixes of known fields', text: 'dat: a\ndatas: b\nidata: c\n\n', frames: [] },
  {
    name: 'blanks and capitals',
    text: ' data: a\n\ndata : b\n\nDATA:c\n\n',
    frames: [{ data: 'a' }, { data: 'b' }, { data: 'c' }],
  },
  {
    name: 'JSON without the blank line after it',
    text: 'data: {"a":1}\ndata: [2]\nevent: x\ndata:{"b":"}"}  \ndata: ping\ndata: {"c":{}}\ndata: [DONE]\n',
    frames: [
      { data: '{"a":1}' },
      { data: '[2]' },
      { event: 'x', data: '{"b":"}"}  ' },
      { data: 'ping' },
      { data: '{"c":{}}' },
      { data: '[DONE]' },
    ],
  },
  {
    name: 'JSON over several lines of data',
    text: 'data: {\ndata:   "a": [\ndata: {"b": "}"}]\ndata: }\n\ndata: {"c":"\\"{"\ndata: }\ndata: {}\n',
    frames: [{ data: '{\n  "a": [\n{"b": "}"}]\n}' }, { data: '{"c":"\\"{"\n}' }, { data: '{}' }],
  },
  {
    name: 'an event torn off, which takes the next with it',
    text: 'data: {"a":"x\ndata: {"b":1}\n\ndata: {}\n\n',
    frames: [{ data: '{"a":"x\n{"b":1}' }, { data: '{}' }],
  },
  {
    name: 'JSON without data before it',
    text: '\n  \n{"a":1}\r\n{"b":2}\r\n[{"c":3}]\n[DONE]\n',
    frames: [
      { data: '{"a":1}', isBare: true },
      { data: '{"b":2}', isBare: true },
      { data: '[{"c":3}]', isBare: true },
      { data: '[DONE]', isBare: true },
    ],
  },
  {
    name: 'JSON over several lines, without data before it',
    text: '\ufeff{\n  "a": "data: {",\n\n  "b": []\n}\ndata: {"c":1}\n\n',
    frames: [{ data: '{\n  "a": "data: {",\n\n  "b": []\n}', isBare: true }, { data: '{"c":1}' }],
  },
  { name: 'JSON that the stream ends within', text: '{"a":1', frames: [{ data: '{"a":1', isBare: true }] },
  {
    name: 'JSON between events',
    text: 'data: a\n{"error":1}\ndata: b\n\n',
    frames: [{ data: 'a' }, { data: '{"error":1}', isBare: true }, { data: 'b' }],
  },
  {
    name: 'errors as llama.cpp writes them',
    text: 'data: a\n\nerror: {"code":500}\n\nerror: gone\n\n',
    frames: [{ data: 'a' }, { event: 'error', data: '{"code":500}' }, { event: 'error', data: 'gone' }],
  },
  {
    name: 'named events without the blank line between them',
    text: 'event: a\ndata: 1\nevent: b\ndata: 2\n\nevent: done\n\n',
    frames: [
      { event: 'a', data: '1' },
      { event: 'b', data: '2' },
      { event: 'done', data: '' },
    ],
  },
  { name: 'a log', text: '[12:00] begins\nnothing: {\n<b>\ndata: {"a":1}\n\n', frames: [{ data: '{"a":1}' }] },
  { name: 'a page', text: '\n <html>\n<script>\n{ data: {} }\ndata: a\n\nerror: b\n\n{"a":1}\n', frames: [] },
]

for (const { name, text, frames } of streams) {
  const bytes = utf8.encode(text)

  test(`reads ${name}`, async () => {
    expect(await read(bytes)).toEqual([...frames])
  })

  test(`P2: ${name}: every single split, every pair of splits and every byte by itself reads the same`, async () => {
    for (let first = 0; first <= bytes.length; first++) {
      expect(await read(...cut(bytes, first))).toEqual([...frames])
      for (let second = first; second <= bytes.length; second++)
        expect(await read(...cut(bytes, first, second))).toEqual([...frames])
    }
    expect(await read(...oneByOne(bytes))).toEqual([...frames])
  })
}

test('P2: any stream of any lines reads the same with any splits, empty reads included', async () => {
  const line = fc.oneof(
    fc.constantFrom(
      'data: ',
      'data:',
      'data',
      'event: x',
      ': c',
      '',
      '\ufeff',
      'id: 1',
      'error: x',
      '{',
      '}',
      '[]',
      '<p>',
    ),
    fc.constantFrom('data: {"a":1}', 'data: {', 'data: "}"', 'data: }', ' data: ping', '{"a":1}', '[DONE]', 'nonsense'),
    fc.string({ unit: 'binary' }).map((said) => `data: ${said.replace(/[\r\n]/g, '')}`),
  )
  const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n')
  const stream = fc.array(
    fc.tuple(line, end).map((pair) => pair.join('')),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(400), { maxLength: 8 }), async (lines, places) => {
      const bytes = utf8.encode(lines.join(''))
      const sorted = places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b)
      expect(await read(...cut(bytes, ...sorted))).toEqual(await read(bytes))
    }),
    { numRuns: runs(1_000) },
  )
})

test('text before the first event is kept up to a limit, because it may be a web page', () => {
  const page = '<html>\n<h1>Just a moment...</h1>\n'
  const decoder = new SseDecoder()
  for (const bytes of oneByOne(utf8.encode(page))) expect(decoder.push(bytes)).toBeUndefined()
  expect(decoder).toMatchObject({ passedOver: page, isLongPage: false })
  decoder.push(utf8.encode(`${'x'.repeat(100_000)}\n`))
  expect(decoder.passedOver).toHaveLength(65_536)
  expect(decoder.isLongPage).toBe(true)
})

test('text before an event is dropped when the event comes', () => {
  const decoder = new SseDecoder()
  decoder.push(utf8.encode('nonsense\n'))
  expect(decoder.passedOver).toBe('nonsense\n')
  decoder.push(utf8.encode('data: a\n\n'))
  expect(decoder.passedOver).toBe('')
})

test('an event is emitted as soon as it is whole, and a single CR ends a line', async () => {
  for (const [sent, said] of [
    ['data: a\n\n', 'a'],
    ['data: a\r\r', 'a'],
    ['data: a\r\n\r\n', 'a'],
    ['data: a\n\r', 'a'],
    ['data: {"a":1}\n', '{"a":1}'],
    ['data: {\ndata: }\n', '{\n}'],
  ] as const) {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield utf8.encode(sent)
      throw new Error('read too far')
    }
    const frames = readSse(source())
    expect((await frames.next()).value).toEqual({ data: said })
  }
})

test('item 27: a text within JSON cannot end its event', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n\ndata: [DONE]\n\n', '\r', '\r\n', '\u2028', '\0')),
      async (said) => {
        const frames = await read(sseKeepAlive, sseData(JSON.stringify({ said })), sseKeepAlive)
        expect(frames.map(({ data }) => JSON.parse(data))).toEqual([{ said }])
      },
    ),
  )
})

test('bad UTF-8 becomes U+FFFD, and the stream goes on', async () => {
  const bytes = Buffer.concat([
    Buffer.from('data: a'),
    Buffer.from([0xff, 0xe2, 0x82]),
    Buffer.from('b\n\ndata: c\n\n'),
  ])
  for (const chunks of [[bytes], oneByOne(bytes)]) {
    expect(await read(...chunks)).toEqual([{ data: 'a\ufffd\ufffdb' }, { data: 'c' }])
  }
})

test('P2: any bytes read the same with any splits', async () => {
  const byte = fc.constantFrom(
    0x61,
    0x0a,
    0x80,
    0xbb,
    0xbf,
    0xc3,
    0xe2,
    0x82,
    0xac,
    0xed,
    0xa0,
    0xef,
    0xf0,
    0x9f,
    0x98,
    0xff,
  )
  const bytes = fc.array(byte, { maxLength: 20 }).map((some) => Uint8Array.from(some))
  await fc.assert(
    fc.asyncProperty(
      fc.array(bytes, { maxLength: 4 }),
      fc.array(fc.nat(120), { maxLength: 6 }),
      async (lines, places) => {
        const stream = Buffer.concat(lines.flatMap((line) => [utf8.encode('data: '), line, utf8.encode('\n\n')]))
        const sorted = places.map((place) => Math.min(place, stream.length)).sort((a, b) => a - b)
        const whole = await read(stream)
        expect(await read(...cut(stream, ...sorted))).toEqual(whole)
        expect(await read(...oneByOne(stream))).toEqual(whole)
      },
    ),
    { numRuns: runs(1_000) },
  )
})

test('an incomplete character at the end of the stream becomes U+FFFD', async () => {
  expect(await read(Buffer.concat([Buffer.from('data: a'), Buffer.from([0xf0, 0x9f])]))).toEqual([{ data: 'a\ufffd' }])
})

async function readMs(line: Uint8Array, chunkBytes: number): Promise<number> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < line.length; at += chunkBytes) yield line.subarray(at, at + chunkBytes)
  }
  const startedAt = performance.now()
  const frames = await Array.fromAsync(readSse(chunks()))
  const ms = performance.now() - startedAt
  expect(frames).toHaveLength(1)
  expect(frames[0]?.data).toHaveLength(line.length - 8)
  return ms
}

const longLine = (length: number) => utf8.encode(`data: ${'x'.repeat(length - 8)}\n\n`)

for (const chunkBytes of [1, 1024, 65_536]) {
  test(`a line of 1 MB in reads of ${chunkBytes} B takes linear time`, async () => {
    const size = chunkBytes === 1 ? 2 ** 18 : 2 ** 22
    await readMs(longLine(size / 4), chunkBytes)
    // a quadratic time would be 16 times as long for four times the length; a few milliseconds are too short to measure
    await measureBelow(10, 'times as long', async () => {
      const short = Math.min(await readMs(longLine(size / 4), chunkBytes), await readMs(longLine(size / 4), chunkBytes))
      const long = Math.min(await readMs(longLine(size), chunkBytes), await readMs(longLine(size), chunkBytes))
      return long / Math.max(short, 2)
    })
  }, 20_000)
}

test('a line of 1 MB comes out whole in reads of one byte', async () => {
  await readMs(longLine(2 ** 20), 1)
})

test('a million short lines of one event take linear time', async () => {
  await measureBelow(2_000, 'milliseconds to read them', async () => {
    const startedAt = performance.now()
    const [frame] = await read('data: x\n'.repeat(200_000), '\n')
    expect(frame?.data).toHaveLength(399_999)
    return performance.now() - startedAt
  })
})

async function failureOf(source: AsyncIterable<Uint8Array>): Promise<unknown> {
  return Array.fromAsync(readSse(source)).catch((thrown: unknown) => thrown)
}

test('an endless event is given up before it fills the memory', async () => {
  for (const line of ['data: ', 'data: x\n', ': comment\n', 'x'.repeat(64)]) {
    let sent = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      const chunk = utf8.encode(line.repeat(2 ** 16 / line.length))
      for (; sent < 2 ** 25; sent += chunk.length) yield chunk
    }
    expect(await failureOf(endless())).toMatchObject({
      reason: 'upstream-outdated',
      code: 'upstream_response_too_large',
    })
    expect(sent).toBeLessThan(2 ** 25)
  }
})

test('any number of events of a megabyte is accepted', async () => {
  const event = utf8.encode(`data: ${'x'.repeat(2 ** 20)}\n\n`)
  const frames = await read(...Array.from({ length: 20 }, () => event))
  expect(frames).toHaveLength(20)
})

test('P1: an error of the bytes is thrown after the events before it, without an incomplete last event', async () => {
  const lost = new ChatError('upstream-failed', { message: 'lost' })
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield utf8.encode('data: a\n\ndata: b')
    throw lost
  }
  const frames: SseFrame[] = []
  const reading = (async () => {
    for await (const frame of readSse(breaking())) frames.push(frame)
  })()
  expect(await reading.catch((thrown: unknown) => thrown)).toBe(lost)
  expect(frames).toEqual([{ data: 'a' }])
})

test('closing the events closes the bytes', async () => {
  let isClosed = false
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield utf8.encode('data: a\n\ndata: b\n\n')
    } finally {
      isClosed = true
    }
  }
  for await (const frame of readSse(source())) {
    expect(frame).toEqual({ data: 'a' })
    break
  }
  expect(isClosed).toBe(true)
})
