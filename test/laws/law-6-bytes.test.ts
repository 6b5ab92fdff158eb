/**
 * Law 6 for bytes: between a client and an upstream of the same dialect, everything that the gateway does not change keeps
 * its bytes. Generated streams and requests go through the executable, over real sockets.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { times } from '../sizes.ts'
import { each } from '../waiting.ts'
import { seededRandom } from './generated/random.ts'
import { generateRequest } from './generated/request.ts'
import { oddSpelling } from './generated/spelling.ts'
import { type GeneratedStream, generateStream, type Head } from './generated/stream.ts'
import { piecesOfReply, writeOneByOne } from './generated/wire.ts'
import type { JsonObject } from './generated/words.ts'

const runs = 1_000
const requests = times(300, 1_000)
const atOnce = 8
const theirs: Head = { id: 'chatcmpl-theirs', model: 'gpt-test-2026-01-01', created: 1_760_000_000 }

/** The streams to send and the bodies that arrived, by the `user` of their request. */
const streams = new Map<string, GeneratedStream>()
const bodies = new Map<string, Readonly<Record<string, unknown>>>()

let upstream: OpenaiEmulator
let gateway: Running
beforeAll(async () => {
  await build()
  upstream = await emulateOpenai({
    reply(chat) {
      const name = String(chat.user)
      bodies.set(name, chat)
      const stream = streams.get(name)
      return stream && { framing: 'raw', ending: 'stall', body: writeOneByOne(piecesOf(stream, Number(name))) }
    },
  })
  gateway = await start({ OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'any-key', OPENAI_MODELS: 'gpt-test' })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

function piecesOf(stream: GeneratedStream, seed: number): readonly Uint8Array[] {
  return piecesOfReply(stream.sent(theirs), seededRandom(~seed))
}

function post(body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body })
}

/** Asks for a stream, and returns the data of each event and the id of the answer. */
async function ask(seed: number, { choices, wantsUsage, hasUsage }: GeneratedStream) {
  const body = {
    model: 'openai/gpt-test',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    user: `${seed}`,
    ...(choices > 1 && { n: choices }),
    ...(wantsUsage && { stream_options: { include_usage: true } }),
  }
  const response = await post(JSON.stringify(body))
  const events = (await response.text()).split('\n\n').filter((event) => event !== '' && !event.startsWith(':'))
  const data = events.map((event) => (event.startsWith('data: ') ? event.slice('data: '.length) : `no data: ${event}`))
  const isEstimated = wantsUsage && !hasUsage && data.at(-2)?.includes('"estimated":true')
  return {
    id: `chatcmpl-${response.headers.get('x-request-id')}`,
    data: isEstimated ? data.toSpliced(-2, 1) : data,
  }
}

function sha256(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

/** The members that the gateway adds to ask for the usage of a stream. */
function usageMembers({ stream, stream_options }: JsonObject): object {
  return stream === true ? { stream_options: { ...Object(stream_options), include_usage: true } } : {}
}

/** Returns the number of failures and the first ones, because all of them would be too long to show. */
function firstOf(failures: readonly object[]): readonly unknown[] {
  return failures.length === 0 ? [] : [failures.length, ...failures.slice(0, 5)]
}

test('the gateway relays each event byte for byte, except for its id and model', async () => {
  const unlike: object[] = []
  let events = 0
  await each(Array(runs).keys(), atOnce, async (seed) => {
    const stream = generateStream(seededRandom(seed))
    streams.set(`${seed}`, stream)
    const { id, data } = await ask(seed, stream)
    streams.delete(`${seed}`)
    const expected = [...stream.leaving({ ...theirs, id, model: 'openai/gpt-test' }), '[DONE]']
    events += expected.length
    if (sha256(data) === sha256(expected)) return
    const at = expected.findIndex((line, index) => line !== data[index])
    unlike.push({ seed, expected: expected[at], left: data[at], counts: [expected.length, data.length] })
  })
  expect(firstOf(unlike)).toEqual([])
  expect(events).toBeGreaterThan(runs * 5)
})

test('the gateway relays a chunk of two megabytes byte for byte', async () => {
  const picture = `data:image/png;base64,${'A'.repeat(2_000_000)}`
  const chunk = ({ id, model, created }: Head, delta: string, finish = 'null') =>
    `{"id":"${id}", "created":${created}, "model":"${model}", "object":"chat.completion.chunk", "choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}`
  const all = (head: Head) => [
    chunk(head, '{"role":"assistant","content":""}'),
    chunk(head, `{"images":[{"image_url":{"url":"${picture}"},"scale":1.0}]}`),
    chunk(head, '{}', '"stop"'),
  ]
  const stream: GeneratedStream = { choices: 1, wantsUsage: false, hasUsage: false, sent: all, leaving: all }
  streams.set('0', stream)
  const { id, data } = await ask(0, stream)
  const expected = [...all({ ...theirs, id, model: 'openai/gpt-test' }), '[DONE]']
  expect(data.map(({ length }) => length)).toEqual(expected.map(({ length }) => length))
  expect(sha256(data)).toBe(sha256(expected))
})

test('a request arrives unchanged at an upstream of the same dialect, except for the model', async () => {
  const unlike: object[] = []
  await each(Array(requests).keys(), atOnce, async (seed) => {
    const random = seededRandom(seed)
    const user = `request-${seed}`
    const body = { ...generateRequest(random), user }
    const spelling = random.chance(0.5) ? oddSpelling(random).value : JSON.stringify
    const response = await post(spelling({ ...body, model: 'openai/gpt-test' }))
    const answer = await response.text()
    const expected = { ...body, model: 'gpt-test', ...usageMembers(body) }
    if (response.status === 200 && Bun.deepEquals(bodies.get(user), expected, true)) return
    unlike.push({ seed, expected, arrived: bodies.get(user), ...(response.status !== 200 && { answer }) })
  })
  expect(firstOf(unlike)).toEqual([])
})
