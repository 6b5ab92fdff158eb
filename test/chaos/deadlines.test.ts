/** P5: no request hangs. P6: silence within the limits is not an error. The head is held, so an early failure is a status. */
import { afterAll, describe, expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { openBlackHole } from '../black-hole.ts'
import { isFull } from '../sizes.ts'
import { measureBelow } from '../waiting.ts'
import { helloWor, helloWorld } from './cell.ts'
import { type Answered, answered, ask, request } from './client.ts'
import { startGateway, upstreamAt } from './gateway.ts'
import { cutAt, cutWhole, healthy, moments, refused } from './scripts.ts'

/** Sends only comments for six seconds. */
async function* thinking(before: readonly string[]): AsyncGenerator<string> {
  yield* before
  for (let sent = 0; sent < 60; sent++) {
    await Bun.sleep(100)
    yield ': still thinking\n\n'
  }
}

/** Sends two parts of a good answer, then silence, and then the rest. */
async function* pausing(ms: number): AsyncGenerator<string> {
  yield* moments.C
  await Bun.sleep(ms)
  yield* moments.E.slice(moments.C.length)
}

/** Milliseconds. They exceed the eight seconds for which the head waits, even if the machine pauses for a moment. */
const lateMs = 10_500
const scripts: Readonly<Record<string, () => Script>> = {
  'silent-head': () => cutAt('A', 'stall'),
  'silent-body': () => cutAt('B', 'stall'),
  'silent-after-an-event': () => cutAt('C', 'stall'),
  dripping: () => ({ body: thinking(moments.B), ending: 'stall' }),
  'dripping-after-an-event': () => ({ body: thinking(moments.C), ending: 'stall' }),
  'half-a-completion': () => cutWhole('stall'),
  'pauses-6': () => ({ body: pausing(6_000) }),
  'pauses-12': () => ({ body: pausing(12_500) }),
  'pauses-59': () => ({ body: pausing(59_000) }),
  'late-head': () => ({ ...healthy, headDelayMs: lateMs }),
  'late-failure': () => ({ ...refused(400, { message: 'No.' }), headDelayMs: lateMs }),
  'early-failure': () => ({ ...refused(400, { message: 'No.' }), headDelayMs: 6_500 }),
}

const emulator = await emulateOpenai({ reply: ({ model }) => scripts[model]?.() })
const all = Object.assign({}, ...Object.keys(scripts).map((name) => upstreamAt(name, emulator.url)))
const hasty = startGateway({ API_REQUEST_TIMEOUT: '2', STREAM_IDLE_TIMEOUT: '1', ...all })
const quick = startGateway({ KEEPALIVE_INTERVAL: '1', ...all })
const usual = startGateway(all)
afterAll(async () => {
  await Promise.all([hasty.close(), quick.close(), usual.close(), emulator.close()])
})

describe('P5: each request ends within a second of its deadline', () => {
  const rows = [
    ['silent-head', true, 2_000, 504, 'upstream_timeout', ''],
    ['silent-head', false, 2_000, 504, 'upstream_timeout', ''],
    ['silent-body', true, 2_000, 504, 'upstream_timeout', ''],
    ['dripping', true, 2_000, 504, 'upstream_timeout', ''],
    ['half-a-completion', false, 2_000, 504, 'upstream_timeout', ''],
    ['silent-after-an-event', true, 1_000, 200, 'upstream_idle_timeout', helloWor],
  ] as const
  for (const [model, stream, deadlineMs, status, code, text] of rows) {
    test.concurrent(`${model}, ${stream ? 'SSE' : 'JSON'}`, async () => {
      await measureBelow(deadlineMs + 1_000, 'milliseconds until the end', async () => {
        const startedAt = performance.now()
        const answer = await ask(hasty.url, { model, stream })
        const tookMs = performance.now() - startedAt
        expect({ status: answer.status, errors: answer.errors, text: answer.text, dones: answer.dones }).toEqual({
          status,
          errors: [code],
          text,
          dones: 0,
        })
        expect(tookMs).toBeGreaterThanOrEqual(deadlineMs - 5)
        return tookMs
      })
    })
  }

  test.concurrent('comments do not extend the deadline of a running answer', async () => {
    const startedAt = performance.now()
    const answer = await ask(hasty.url, { model: 'dripping-after-an-event' })
    expect({ errors: answer.errors, dones: answer.dones }).toEqual({ errors: ['upstream_idle_timeout'], dones: 0 })
    // the comments go on for six seconds
    expect(performance.now() - startedAt).toBeLessThan(6_000)
  })

  test.concurrent('a port that accepts no connection is given up after five seconds', async () => {
    await using deaf = await openBlackHole()
    const gateway = startGateway({ API_REQUEST_TIMEOUT: '60', ...upstreamAt('deaf', `${deaf.origin}/v1`) })
    const startedAt = performance.now()
    const answer = await ask(gateway.url, { model: 'deaf', stream: false })
    expect({ status: answer.status, errors: answer.errors }).toEqual({
      status: 504,
      errors: ['upstream_connect_timeout'],
    })
    // two attempts of five seconds, each up to a second late, and the pause between them
    expect(performance.now() - startedAt).toBeLessThan(13_000)
    await gateway.close()
  })
})

describe('P6: silence is filled with comments, and is not an error', () => {
  const expectGood = (answer: Answered, leastComments: number) => {
    expect({ text: answer.text, errors: answer.errors, dones: answer.dones }).toEqual({
      text: helloWorld,
      errors: [],
      dones: 1,
    })
    expect(answer.comments).toBeGreaterThanOrEqual(leastComments)
  }

  test.concurrent('between two events', async () => expectGood(await ask(quick.url, { model: 'pauses-6' }), 3))

  test.concurrent("longer than Bun's own idle timeout of a connection", async () =>
    expectGood(await ask(usual.url, { model: 'pauses-12' }), 1))

  if (isFull)
    test.concurrent('for a minute', async () => expectGood(await ask(usual.url, { model: 'pauses-59' }), 5), 70_000)
})

describe('the head waits eight seconds for the first event', () => {
  test.concurrent('a failure within that time is a status', async () => {
    const answer = await ask(usual.url, { model: 'early-failure' })
    expect({ status: answer.status, errors: answer.errors }).toEqual({ status: 400, errors: ['invalid_request'] })
  })

  test.concurrent('then it is sent, followed by comments and the answer', async () => {
    const startedAt = performance.now()
    const response = await request(usual.url, { model: 'late-head' })
    const headMs = performance.now() - startedAt
    expect(response.status).toBe(200)
    expect(headMs).toBeGreaterThan(7_900)
    const answer = answered(response, await response.text())
    // the comment shows that the head was sent before the answer began
    expect({ text: answer.text, dones: answer.dones, comments: answer.comments }).toEqual({
      text: helloWorld,
      dones: 1,
      comments: 1,
    })
  })

  test.concurrent('a failure after that time is an error event', async () => {
    const answer = await ask(usual.url, { model: 'late-failure' })
    expect({ status: answer.status, errors: answer.errors, dones: answer.dones }).toEqual({
      status: 200,
      errors: ['invalid_request'],
      dones: 0,
    })
  })
})
