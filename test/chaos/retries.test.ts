/** P7: retries add at most a fifth. P8: an answer is not started again after a word of it has reached the client. */
import { describe, expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { times } from '../sizes.ts'
import { each } from '../waiting.ts'
import { helloWorld, jsonHeaders } from './cell.ts'
import { ask } from './client.ts'
import { startGateway, upstreamAt } from './gateway.ts'
import { cutAt, cutWhole, healthy, moments, refused, wholeText } from './scripts.ts'

const requests = times(300, 1_000)
/** The retries that the budget always allows: ten at the start, and ten a second. */
const floorOver = (ms: number) => 10 + (ms / 1000) * 10

describe('P7: a failing upstream gets at most 1.2 times the requests, and ten a second', () => {
  const overloaded = refused(503, { message: 'No.' })

  test('one upstream', async () => {
    const emulator = await emulateOpenai({ reply: () => overloaded })
    const gateway = startGateway(upstreamAt('one', emulator.url))
    const startedAt = performance.now()
    await each(Array(requests).fill('one'), 50, async (model) => {
      expect((await ask(gateway.url, { model })).status).toBe(503)
    })
    // the breaker refuses most of them, and src/gateway/overload.test.ts shows the retries without it
    expect(emulator.chats.length).toBeGreaterThan(5)
    expect(emulator.chats.length).toBeLessThanOrEqual(1.2 * requests + floorOver(performance.now() - startedAt))
    await Promise.all([gateway.close(), emulator.close()])
  })

  test('three upstreams of one model: 1.2 times in total, not 1.2 to the power of three', async () => {
    const emulator = await emulateOpenai({ reply: () => overloaded })
    const names = ['left', 'middle', 'right']
    const shared = names.map((name) => ({
      ...upstreamAt(name, emulator.url),
      [`UPSTREAM_${name.toUpperCase()}_MODELS`]: 'shared',
    }))
    const gateway = startGateway(Object.assign({}, ...shared))
    const startedAt = performance.now()
    await each(Array(requests).fill('shared'), 50, (model) => ask(gateway.url, { model }))
    const floor = 4 * floorOver(performance.now() - startedAt)
    expect(emulator.chats.length).toBeLessThanOrEqual(1.2 * requests + floor)
    await Promise.all([gateway.close(), emulator.close()])
  })

  test('one of three upstreams of a model is down: no client notices', async () => {
    const down = await emulateOpenai({ reply: () => overloaded })
    const up = await emulateOpenai({ reply: () => healthy })
    const at = (name: string, url: string) => ({
      ...upstreamAt(name, url),
      [`UPSTREAM_${name.toUpperCase()}_MODELS`]: 'shared',
    })
    const gateway = startGateway({ ...at('left', down.url), ...at('middle', up.url), ...at('right', up.url) })
    await each(Array(requests).fill('shared'), 50, async (model) => {
      const { status, text } = await ask(gateway.url, { model })
      expect({ status, text }).toEqual({ status: 200, text: helloWorld })
    })
    await Promise.all([gateway.close(), down.close(), up.close()])
  })
})

describe('P8: an upstream that dies after event k, with a second key at hand', async () => {
  const wordsAt = (k: number) => ['Hello', ', wor', 'ld.'].slice(0, k).join('')
  for (const k of [0, 1, 2, 3]) {
    for (const ending of ['rst', 'fin'] as const) {
      test.concurrent(`k = ${k}, ${ending}: ${k === 0 ? 'one clean answer from the second' : 'an error event and no second request'}`, async () => {
        const script = { body: moments.E.slice(0, k + 1), ending, endDelayMs: 250 }
        const emulator = await emulateOpenai({
          reply: (_, headers) => (headers.get('authorization') === 'Bearer key-first' ? script : healthy),
        })
        const gateway = startGateway(upstreamAt('two', emulator.url, ['key-first', 'key-second']))
        const { status, text, errors, dones, headers } = await ask(gateway.url, { model: 'two' })
        expect({ status, text, errors, dones }).toEqual(
          k === 0
            ? { status: 200, text: helloWorld, errors: [], dones: 1 }
            : { status: 200, text: wordsAt(k), errors: ['upstream_disconnected'], dones: 0 },
        )
        expect(headers.get('x-tributary-attempts')).toBe(k === 0 ? '2' : '1')
        expect(emulator.chats.length).toBe(k === 0 ? 2 : 1)
        await Promise.all([gateway.close(), emulator.close()])
      })
    }
  }

  test.concurrent('a second upstream of the same model answers, as a stream and whole', async () => {
    const dying = await emulateOpenai({ reply: ({ stream }) => (stream ? cutAt('B', 'rst') : cutWhole('rst')) })
    const living = await emulateOpenai({
      reply: ({ stream }) => (stream ? healthy : { headers: jsonHeaders, body: [wholeText] }),
    })
    const gateway = startGateway({
      ...upstreamAt('dying', dying.url),
      UPSTREAM_DYING_MODELS: 'shared',
      ...upstreamAt('living', living.url),
      UPSTREAM_LIVING_MODELS: 'shared',
    })
    for (const stream of [true, false, true, false]) {
      const { status, text, errors } = await ask(gateway.url, { model: 'shared', stream })
      expect({ status, text, errors }).toEqual({ status: 200, text: helloWorld, errors: [] })
    }
    await Promise.all([gateway.close(), dying.close(), living.close()])
  })

  test.concurrent("one key's 401, 402, 403 or 429 is never the client's while another key works", async () => {
    for (const status of [401, 402, 403, 429]) {
      const emulator = await emulateOpenai({
        reply: (_, headers) =>
          headers.get('authorization') === 'Bearer key-first' ? refused(status, { message: 'No.' }) : healthy,
      })
      const gateway = startGateway(upstreamAt('two', emulator.url, ['key-first', 'key-second']))
      for (let time = 0; time < 4; time++) expect((await ask(gateway.url, { model: 'two' })).text).toBe(helloWorld)
      // the first key rests from then on
      expect(emulator.chats.length).toBe(5)
      await Promise.all([gateway.close(), emulator.close()])
    }
  })
})
