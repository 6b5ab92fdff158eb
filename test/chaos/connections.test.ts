/** The cells of the matrix without faulty bytes of an upstream: faults of the connection, of the client and of our own code. */

import { afterAll, describe, expect, test } from 'bun:test'
import { streamBody } from '../../src/api/exchange/stream-body.ts'
import type { ChatError } from '../../src/chat/error.ts'
import type { ChatEvent } from '../../src/chat/event.ts'
import type { Config } from '../../src/config/config.ts'
import { flowFrom } from '../../src/flow/flow.double.ts'
import { chatOf } from '../../src/gateway/chat.double.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { until } from '../waiting.ts'
import { helloWor } from './cell.ts'
import { ask, askRaw, request } from './client.ts'
import { type RunningGateway, startGateway, upstreamAt } from './gateway.ts'
import { cutAt } from './scripts.ts'

/** Answers a TLS greeting in plain text. */
const plain = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('plain') })
afterAll(() => plain.stop(true))

describe('A: no connection', () => {
  // a label of 64 letters is not a valid name, so no resolver is asked
  const rows = [
    ['a name that does not resolve', `http://${'a'.repeat(64)}.invalid/v1`],
    ['a port that refuses', 'http://127.0.0.1:1/v1'],
    ['a port that speaks no TLS', `https://127.0.0.1:${plain.port}/v1`],
  ] as const
  for (const [fault, url] of rows) {
    for (const stream of [true, false]) {
      test.concurrent(`${fault}, ${stream ? 'SSE' : 'JSON'}`, async () => {
        const gateway = startGateway(upstreamAt('gone', url))
        const answer = await ask(gateway.url, { model: 'gone', stream, id: 'one' })
        expect({ status: answer.status, errors: answer.errors }).toEqual({
          status: 502,
          errors: [
            fault.includes('TLS')
              ? expect.stringMatching(/^upstream_(unreachable|disconnected)$/)
              : 'upstream_unreachable',
          ],
        })
        expect(answer.headers.get('x-tributary-attempts')).toBe('2')
        expect(gateway.linesOf('one').length).toBe(1)
        await gateway.close()
      })
    }
  }

  test.concurrent('a request on a stale keep-alive connection is sent again on a new one, without an error for the client', async () => {
    const own = await emulateOpenai()
    const gateway = startGateway({ ...upstreamAt('stale', own.url), UPSTREAM_STALE_MODELS: 'gpt-test' })
    for (let time = 0; time < 3; time++) {
      expect((await ask(gateway.url, { model: 'stale/gpt-test' })).text).toBe('You said: Hello')
      own.hangUp()
    }
    await Promise.all([gateway.close(), own.close()])
  })
})

const scripts: Readonly<Record<string, () => Script>> = {
  'silent-head': () => cutAt('A', 'stall'),
  'silent-body': () => cutAt('B', 'stall'),
  'mid-stream': () => cutAt('C', 'stall'),
  'after-the-finish': () => cutAt('D', 'stall'),
}

describe('the client leaves: the upstream connection closes, nothing is retried, and the log has one line', () => {
  const moments = [
    ['A', 'silent-head', ''],
    ['B', 'silent-body', ''],
    ['C', 'mid-stream', 'Hello'],
    // the finish itself is held until the upstream ends
    ['D', 'after-the-finish', 'Hello'],
  ] as const
  for (const [moment, script, seen] of moments) {
    test.concurrent(`${moment}, SSE`, async () => {
      await expectLetGo(script, async (url, isAsked) => {
        const client = askRaw(url, 'left')
        await until(() => isAsked() && client.text().includes(seen), 20_000, 'the moment')
        client.socket.destroy()
      })
    })
  }
  for (const [moment, script] of moments.slice(0, 2)) {
    test.concurrent(`${moment}, JSON`, async () => {
      await expectLetGo(script, async (url, isAsked) => {
        const controller = new AbortController()
        const gone = request(url, { model: 'left', stream: false, signal: controller.signal }).catch(() => 'gone')
        await until(isAsked, 20_000, 'the moment')
        controller.abort()
        expect(await gone).toBe('gone')
      })
    })
  }

  test.concurrent('E: leaving after [DONE] changes nothing', async () => {
    const own = await emulateOpenai({ reply: () => cutAt('E', 'stall') })
    const gateway = startGateway(upstreamAt('left', own.url))
    const client = askRaw(gateway.url, 'left')
    await until(() => client.text().includes('[DONE]'), 20_000, 'the end')
    client.socket.destroy()
    await until(() => own.openConnections() === 0, 1_000, 'the upstream connection is closed')
    expect(gateway.lines.map((line) => JSON.parse(line).outcome)).toEqual(['ok'])
    await Promise.all([gateway.close(), own.close()])
  })
})

async function expectLetGo(
  script: string,
  leave: (url: string, isAsked: () => boolean) => Promise<void>,
): Promise<void> {
  const own = await emulateOpenai({ reply: () => scripts[script]?.() })
  const gateway = startGateway(upstreamAt('left', own.url))
  await leave(gateway.url, () => own.chats.length === 1)
  await until(() => own.openConnections() === 0, 1_000, 'the upstream connection is closed')
  await until(() => gateway.lines.length > 0, 20_000, 'the line of the log')
  expect(gateway.lines.map((line) => JSON.parse(line))).toMatchObject([{ outcome: 'client_closed', attempts: 1 }])
  expect(own.chats.length).toBe(1)
  await Promise.all([gateway.close(), own.close()])
}

describe('a client that stops reading', () => {
  test.concurrent('is disconnected, and so is its upstream', async () => {
    const reasons: ChatError[] = []
    let closed = 0
    const source = flowFrom(endless())
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () =>
        new Response(
          streamBody(source, {
            surface: {
              event: (event) => (event.type === 'text' ? event.text : ''),
              end: () => '',
              error: () => '',
              keepAlive: ':',
            },
            opening: '',
            timers: machine.timers,
            network: machine.network,
            keepAliveMs: 10_000,
            stuckMs: 200,
            abort: (reason) => reasons.push(reason),
            closed: () => closed++,
          }),
        ),
    })
    const client = askRaw(server.url.origin, 'any')
    client.socket.pause()
    await until(() => reasons.length > 0, 20_000, 'the client is given up')
    expect(reasons.map(({ reason }) => reason)).toEqual(['cancelled'])
    expect(closed).toBe(1)
    expect(await source.next()).toBeUndefined()
    client.socket.destroy()
    await server.stop(true)
  })
})

async function* endless(): AsyncGenerator<ChatEvent> {
  for (;;) yield { type: 'text', choice: 0, part: 0, text: 'x'.repeat(65_536) }
}

describe('our own bug', () => {
  const bug = (before: readonly ChatEvent[]): ((config: Config) => Config) => {
    const buggy: Upstream = {
      name: 'buggy',
      accounts: [{ label: 'one', credential: undefined }],
      support: { parameters: {} },
      models: [{ id: 'm' }],
      chat: chatOf(async function* () {
        yield* before
        throw new TypeError('undefined is not a function: a secret of ours')
      }),
    }
    return (config) => ({ ...config, upstreams: [buggy] })
  }
  const word: ChatEvent = { type: 'text', choice: 0, part: 0, text: helloWor }
  const expectHidden = async (gateway: RunningGateway, body: string) => {
    expect(body).not.toContain('secret of ours')
    expect(gateway.linesOf('one')).toMatchObject([{ outcome: 'internal_error', level: 'error' }])
    expect(gateway.lines.join('')).toContain('"err":{"type":"TypeError","at":["')
    await gateway.close()
  }

  for (const stream of [true, false]) {
    test.concurrent(`A: 500, and the log has the reason, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const gateway = startGateway({}, bug([]))
      const answer = await ask(gateway.url, { model: 'buggy/m', id: 'one', stream })
      expect({ status: answer.status, errors: answer.errors }).toEqual({ status: 500, errors: ['internal_error'] })
      await expectHidden(gateway, answer.body)
    })
  }
  test.concurrent('C: an error event', async () => {
    const gateway = startGateway({}, bug([word]))
    const { text, errors, dones, body } = await ask(gateway.url, { model: 'buggy/m', id: 'one' })
    expect({ text, errors, dones }).toEqual({ text: helloWor, errors: ['internal_error'], dones: 0 })
    await expectHidden(gateway, body)
  })
})
