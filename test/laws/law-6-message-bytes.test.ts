/**
 * Law 6 for the bytes of Anthropic's dialect: between a client and an upstream that both speak it, everything that the gateway does
 * not change keeps its bytes. Only the id of an answer and the name of the model change, and a line break between the members of
 * an event becomes a space. Generated streams, whole messages and requests go through the executable, over real sockets.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { emulateHttp, type HttpEmulator } from '../../src/wire/emulator/http.ts'
import { play } from '../../src/wire/emulator/script.ts'
import { SseDecoder } from '../../src/wire/sse.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { times } from '../sizes.ts'
import { each } from '../waiting.ts'
import { type GeneratedMessage, generateMessageAnswer, type MessageHead } from './generated/message-answer.ts'
import { seededRandom } from './generated/random.ts'
import { piecesOfReply, writeOneByOne } from './generated/wire.ts'

const runs = times(400, 3_000)
const atOnce = 8
const theirs: MessageHead = { id: 'msg_theirs', model: 'claude-test-2026-01-01' }

/** The answers to send and the requests that arrived, by the `user_id` of their request. */
const answers = new Map<string, GeneratedMessage>()
const arrived = new Map<string, { readonly body: string; readonly headers: Headers }>()

let upstream: HttpEmulator
let gateway: Running
beforeAll(async () => {
  await build()
  upstream = await emulateHttp((exchange) => {
    const { body, headers } = exchange.request
    const { metadata, stream } = JSON.parse(body)
    arrived.set(metadata.user_id, { body, headers })
    const answer = answers.get(metadata.user_id)
    if (!answer) return exchange.reply(404, '{}')
    const json = { 'content-type': 'application/json' }
    if (!stream) return exchange.reply(200, answer.whole(theirs), json)
    const style = { nameOf: (data: string) => String(JSON.parse(data).type), end: [] }
    const pieces = piecesOfReply(answer.stream(theirs), seededRandom(~Number(metadata.user_id)), style)
    return play(exchange, { framing: 'raw', ending: 'stall', body: writeOneByOne(pieces) })
  })
  gateway = await start({
    ANTHROPIC_BASE_URL: upstream.origin,
    ANTHROPIC_API_KEY: 'any-key',
    ANTHROPIC_MODELS: 'claude-test',
  })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

/** The body of a request. Its members have forms of numbers and escapes that are not written by JSON.stringify. */
function bodyOf(seed: number, model: string, stream: boolean): string {
  const words = seededRandom(seed).pick(['"caf\\u00e9 \\/ 1.0"', '[{"type":"text","text":"A","x":1.50}]'])
  const tools = '[{"name":"a","input_schema":{"type":"object","properties":{"model":{"default":1e2}}}}]'
  const member = `"max_tokens":64,"messages":[ {"role":"user","content":${words}} ],"x_own":{"z":1.0,"a":null}`
  return `{"model":"${model}",${stream ? '"stream":true,' : ''}${member},"tools":${tools},"metadata":{"user_id":"${seed}"}}`
}

async function ask(seed: number, stream: boolean) {
  const answer = generateMessageAnswer(seededRandom(seed))
  answers.set(`${seed}`, answer)
  const response = await fetch(`${gateway.url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-beta': 'x-2026-01-01',
      'anthropic-version': '2023-06-01',
    },
    body: bodyOf(seed, 'anthropic/claude-test', stream),
  })
  const head = { id: `msg_${response.headers.get('x-request-id')}`, model: 'anthropic/claude-test' }
  const text = await response.text()
  answers.delete(`${seed}`)
  return { text, answer, head }
}

const sha256 = (lines: readonly string[]) => createHash('sha256').update(lines.join('\n')).digest('hex')

/** Returns the number of failures and the first ones, because all of them would be too long to show. */
const firstOf = (failures: readonly object[]) =>
  failures.length === 0 ? [] : [failures.length, ...failures.slice(0, 3)]

test('each event of a stream leaves with its own bytes and its name, except for the id and the model', async () => {
  const unlike: object[] = []
  let events = 0
  await each(Array(runs).keys(), atOnce, async (seed) => {
    const { text, answer, head } = await ask(seed, true)
    const decoder = new SseDecoder()
    const frames = [...(decoder.push(Buffer.from(text)) ?? []), ...(decoder.end() ?? [])]
    const expected = answer.stream(head).map((data) => data.replaceAll('\n', ' '))
    events += expected.length
    const left = frames.map(({ data }) => data)
    const isNamed = frames.every(({ event, data }) => event === JSON.parse(data).type)
    if (isNamed && sha256(left) === sha256(expected)) return
    const at = expected.findIndex((line, index) => line !== left[index])
    unlike.push({ seed, isNamed, expected: expected[at], left: left[at], counts: [expected.length, left.length] })
  })
  expect(firstOf(unlike)).toEqual([])
  expect(events).toBeGreaterThan(runs * 5)
})

test('a whole message leaves with its own bytes, except for the id and the model', async () => {
  const unlike: object[] = []
  await each(Array(runs).keys(), atOnce, async (seed) => {
    const { text, answer, head } = await ask(seed, false)
    const expected = answer.whole(head)
    if (sha256([text]) !== sha256([expected])) unlike.push({ seed, expected, left: text })
  })
  expect(firstOf(unlike)).toEqual([])
})

test('a request arrives with its own bytes, except for the model, and with the client’s betas', async () => {
  const unlike: object[] = []
  await each(Array(times(50, 300)).keys(), atOnce, async (seed) => {
    const stream = seed % 2 === 0
    await ask(seed, stream)
    const { body, headers } = arrived.get(`${seed}`) ?? {}
    const expected = bodyOf(seed, 'claude-test', stream)
    const named = [headers?.get('anthropic-version'), headers?.get('anthropic-beta')]
    if (body === expected && named.join() === '2023-06-01,x-2026-01-01') return
    unlike.push({ seed, expected, body, named })
  })
  expect(firstOf(unlike)).toEqual([])
})
