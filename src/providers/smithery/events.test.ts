import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { flat } from '../../flow/flow.double.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { readFrames } from '../../wire/read-frames.ts'
import { sseData, sseEvent } from '../../wire/sse.ts'
import { EitherDecoder } from './either-stream.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')
const never = newCancel()
const utf8 = new TextEncoder()

/** Decodes the bytes of an answer. It returns the events and the error at the end. */
async function decode(text: string, { headers = {}, size = text.length * 4 }: Read = {}) {
  const bytes = utf8.encode(text)
  const body = (async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
  })()
  const head = new Headers(headers)
  const reply = {
    status: 200,
    headers: head,
    body,
    text: async () => '',
    limitIdle: () => undefined,
    discard: () => undefined,
  }
  const events: ChatEvent[] = []
  try {
    for await (const event of flat(readFrames(reply, new EitherDecoder(head), never))) events.push(event)
    return { events }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, code: thrown.code, message: thrown.message } }
  }
}

interface Read {
  readonly headers?: Record<string, string>
  /** Bytes of each read. */
  readonly size?: number
}

/** The bytes of a fixture on the wire. */
function bytesOf(name: string): string {
  const text = read(`${name}.frames.txt`)
  return name.startsWith('data-stream') ? text : text.trimEnd().split('\n').map(sseData).join('')
}

describe('a stream', () => {
  for (const name of names) {
    test(`reads ${name}`, async () => {
      expect(await decode(bytesOf(name))).toEqual(JSON.parse(read(`${name}.events.json`)))
    })

    test(`reads ${name} byte by byte`, async () => {
      expect(await decode(bytesOf(name), { size: 1 })).toEqual(JSON.parse(read(`${name}.events.json`)))
    })
  }

  test('is tested with fixtures that have both files', () => {
    expect(names.length).toBeGreaterThan(30)
    expect(readdirSync(folder)).toHaveLength(names.length * 2)
  })

  test('may end its lines with CR LF', async () => {
    expect(await decode(bytesOf('text').replaceAll('\n', '\r\n'))).toEqual(await decode(bytesOf('text')))
    const lines = bytesOf('data-stream')
    expect(await decode(lines.replaceAll('\n', '\r\n'))).toEqual(await decode(lines))
  })

  test('may begin with comments and blank lines', async () => {
    const expected = await decode(bytesOf('text'))
    expect(await decode(`: hello\n\n${bytesOf('text')}`)).toEqual(expected)
    expect(await decode(`\n\nid: 7\nretry: 5\n\n${bytesOf('text')}`)).toEqual(expected)
    expect(await decode(`\n \n${bytesOf('data-stream')}`)).toEqual(await decode(bytesOf('data-stream')))
  })

  test('has the older format if it has the header of that format, even with another beginning', async () => {
    const headers = { 'x-vercel-ai-data-stream': 'v1' }
    const expected = await decode(bytesOf('data-stream'))
    expect(await decode(`hello\n${bytesOf('data-stream')}`, { headers })).toEqual(expected)
    expect(await decode(bytesOf('data-stream'), { headers })).toEqual(expected)
  })

  test('without any content is cut', async () => {
    for (const text of ['', '\n', 'd'])
      expect(await decode(text)).toMatchObject({ events: [], thrown: { code: 'upstream_disconnected' } })
  })

  test('has an error if an event has the name error', async () => {
    const error = sseEvent('error', '{"type":"text-delta","message":"No."}')
    expect(await decode(error)).toMatchObject({ thrown: { reason: 'upstream-failed', code: 'upstream_error' } })
  })
})

const usages: readonly (readonly [string, object, object])[] = [
  [
    'the input does not include the cache, as in version 5 for Anthropic',
    { inputTokens: 200, outputTokens: 5, totalTokens: 285, cachedInputTokens: 80 },
    { inputTokens: 280, outputTokens: 5, totalTokens: 285, cachedInputTokens: 80 },
  ],
  [
    'the output does not include the reasoning, as in version 5 for Gemini',
    { inputTokens: 20, outputTokens: 198, totalTokens: 623, reasoningTokens: 405 },
    { inputTokens: 20, outputTokens: 603, totalTokens: 623, reasoningTokens: 405 },
  ],
  [
    'the input includes the cache',
    { inputTokens: 200, outputTokens: 5, totalTokens: 205, inputTokenDetails: { cacheReadTokens: 80 } },
    { inputTokens: 200, outputTokens: 5, totalTokens: 205, cachedInputTokens: 80 },
  ],
  [
    'numbers are written as text, or are invalid',
    { inputTokens: '200', outputTokens: 5, totalTokens: 0.5, cachedInputTokens: -1 },
    { inputTokens: 200, outputTokens: 5 },
  ],
]
for (const [name, usage, expected] of usages)
  test(`usage: ${name}`, async () => {
    const chunks = [
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Tea' },
      { type: 'text-end', id: '0' },
      { type: 'finish', finishReason: 'stop', messageMetadata: { usage } },
    ]
    const { events } = await decode(chunks.map((chunk) => sseData(JSON.stringify(chunk))).join(''))
    expect(events.at(-1)).toEqual({ type: 'usage', choice: 0, usage: { ...expected, source: 'upstream' } })
  })
