/**
 * Law 6, with bytes: between a client and an upstream of one dialect, what the gateway has no reason to change leaves as the
 * bytes it came as. Generated streams and requests go through the program as it is shipped, over real sockets.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { each } from '../waiting.ts'
import { seededRandom } from './generated/random.ts'
import { type GeneratedStream, generateStream, type Head } from './generated/stream.ts'
import { oneByOne, piecesOfReply } from './generated/wire.ts'

const streams = 1_000
const atOnce = 8
const theirs: Head = { id: 'chatcmpl-theirs', model: 'gpt-test-2026-01-01', created: 1_760_000_000 }

let upstream: OpenaiEmulator
let gateway: Running
beforeAll(async () => {
  await build()
  upstream = await emulateOpenai({
    reply: ({ user }) => ({ framing: 'raw', ending: 'stall', body: replyOf(Number(user)) }),
  })
  gateway = await start({ OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'any-key', OPENAI_MODELS: 'gpt-test' })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

function streamOf(seed: number): GeneratedStream {
  return generateStream(seededRandom(seed))
}

function replyOf(seed: number) {
  return oneByOne(piecesOfReply(streamOf(seed).sent(theirs), seededRandom(~seed)))
}

/** The data of each event that leaves, and its id. */
async function ask(seed: number, { choices, wantsUsage, hasUsage }: GeneratedStream) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openai/gpt-test',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      user: `${seed}`,
      ...(choices > 1 && { n: choices }),
      ...(wantsUsage && { stream_options: { include_usage: true } }),
    }),
  })
  const text = await response.text()
  const events = text.split('\n\n').filter((event) => event !== '' && !event.startsWith(':'))
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

test('each event that is not changed leaves with its own bytes, but for its id and its model', async () => {
  const unlike: object[] = []
  let events = 0
  await each(Array(streams).keys(), atOnce, async (seed) => {
    const stream = streamOf(seed)
    const { id, data } = await ask(seed, stream)
    const due = [...stream.leaving({ ...theirs, id, model: 'openai/gpt-test' }), '[DONE]']
    events += due.length
    if (sha256(data) === sha256(due)) return
    const at = due.findIndex((line, index) => line !== data[index])
    unlike.push({ seed, due: due[at], left: data[at], counts: [due.length, data.length] })
  })
  expect(unlike.length === 0 ? [] : [unlike.length, ...unlike.slice(0, 5)]).toEqual([])
  expect(events).toBeGreaterThan(streams * 5)
})
