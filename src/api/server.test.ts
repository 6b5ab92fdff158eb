import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { errorIn, RawClient } from '../../test/attacks/rig.ts'
import { until } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import { ClientSeals } from '../conversations/client-seals.ts'
import { Conversations } from '../conversations/conversations.ts'
import { Recordings } from '../conversations/recordings.ts'
import { StoredResponses } from '../conversations/stored-responses.ts'
import type { Call } from '../flow/call.ts'
import { sleep } from '../flow/wait.ts'
import { chatOf } from '../gateway/chat.double.ts'
import { openLoneGateway } from '../gateway/gateway.double.ts'
import { ClientKeys } from '../keys/client-keys.ts'
import type { Upstream } from '../providers/provider.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { openLog } from '../telemetry/log.ts'
import { openTools } from '../tools/registry.ts'
import { Ledger } from '../usage/ledger.ts'
import { Prices } from '../usage/prices.ts'
import { machine } from '../wire/machine.double.ts'
import { openServer, type Server, type ServerOptions } from './server.ts'

/** Milliseconds. A test that waits longer fails. */
const patienceMs = 60_000

/** Number of running chats. */
let chats = 0

/** Answers `ok`. The message may have one or two numbers: the milliseconds before the first and the second event. */
const upstream: Upstream = {
  name: 'lab',
  accounts: [{ label: 'lab', credential: undefined }],
  support: { parameters: { choices: 'emulated' } },
  models: [
    { id: 'plain', contextLength: 8192, capabilities: ['tools'] },
    { id: 'vendor/model:free', created: 1_760_000_000, ownedBy: 'vendor', inputModalities: ['text', 'image'] },
  ],
  chat: chatOf(async function* (request: ChatRequest, call: Call): AsyncGenerator<ChatEvent> {
    const [part] = request.messages.at(-1)?.content ?? []
    const [beforeMs = 0, afterMs = beforeMs] =
      part?.type === 'text' ? part.text.split(' ').map((word) => Number(word) || 0) : []
    chats++
    try {
      await sleep(beforeMs, call.signal)
      yield { type: 'text', choice: 0, part: 0, text: 'ok' }
      await sleep(afterMs, call.signal)
      yield { type: 'finish', choice: 0, reason: 'stop' }
    } finally {
      chats--
    }
  }),
}

const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const gatewayOptions = {
  runtime: machine,
  upstreams: [upstream],
  deadlines: { firstEventMs: 60_000, wholeMs: 60_000, idleMs: 60_000 },
  store: new MemoryStore({ runtime: machine }),
  threadTtlMs: 60_000,
  maxCalls: 100,
  log,
}
const gateway = openLoneGateway(gatewayOptions)
const clientKeys = new ClientKeys({ ...gatewayOptions, configured: [], hasMasterKey: true })
void clientKeys.follow()
afterAll(() => clientKeys.close())

function start(options: Partial<ServerOptions> = {}): Server {
  return openServer({
    runtime: machine,
    hostname: '127.0.0.1',
    port: 0,
    keys: [],
    trustedProxies: [],
    policy: { hasKeys: false, allowedHosts: [], isPublic: false, corsOrigins: undefined },
    maxBodyBytes: 10_000,
    keepAliveMs: 1_000,
    idleSeconds: 30,
    gateway,
    clientKeys,
    isStateWell: () => true,
    conversations: new Conversations({ runtime: machine, store: new MemoryStore({ runtime: machine }), ttlMs: 60_000 }),
    responses: new StoredResponses({
      store: new MemoryStore({ runtime: machine }),
      ttlMs: 60_000,
      timers: machine.timers,
    }),
    recordings: new Recordings({ store: new MemoryStore({ runtime: machine }), ttlMs: 60_000, runtime: machine }),
    seals: new ClientSeals({ store: new MemoryStore({ runtime: machine }), secret: undefined, runtime: machine }),
    tools: openTools({ servers: [] }, { log, version: '9.9.9', runtime: machine }),
    usage: new Ledger({
      store: new MemoryStore({ runtime: machine }),
      prices: new Prices({ upstreams: [] }),
      log,
      runtime: machine,
    }),
    egress: { hosts: [] },
    credentials: {
      add: async () => added,
      replace: async () => added,
      remove: async (variable) => [variable],
    },
    configuration: {
      lastReload: undefined,
      show: () => ({ settings: [], envFile: undefined, warnings: [] }),
      reload: () => ({ at: 0, changed: [], atNextStart: [], problems: [] }),
    },
    needs: { list: () => [] },
    metrics: { write: async () => ({ text: '', type: 'text/plain' }) },
    startedAt: 0,
    log,
    version: '9.9.9',
    ...options,
  })
}

const works = { upstream: 'plain', account: 'a', model: 'm', tookMs: 1, error: undefined, quota: [] }
const added = { upstream: 'plain', accounts: ['a'], test: works }
const bodyOf = (content: string, more: object = {}) =>
  JSON.stringify({ model: 'plain', messages: [{ role: 'user', content }], ...more })
const ask = (server: Server, content: string, more: object = {}) =>
  fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: bodyOf(content, more) })
const raw = (body: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`

let server: Server
beforeAll(() => {
  server = start()
})
afterAll(() => server.stop(0))

describe('operations', () => {
  test('/health reports that the program runs, and its version', async () => {
    const response = await fetch(`${server.url}/health`)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({ status: 'ok', version: '9.9.9' })
  })

  test('/ready reports that it accepts requests', async () => {
    expect(await (await fetch(`${server.url}/ready`)).json()).toEqual({
      ...{ status: 'ready', state: 'ok', upstreams: 'ok', accounts: 'ok', drift: 'none', load: 'ok' },
      tools: { builtin: 'connected' },
    })
  })

  test('/ names the program', async () => {
    expect(await (await fetch(server.url)).json()).toEqual({
      message: expect.stringContaining('/v1'),
      version: '9.9.9',
    })
  })

  for (const path of ['/', '/health', '/ready', '/v1/models', '/v1/models/plain', '/v1/models/lab/vendor/model:free']) {
    test(`HEAD ${path} is GET ${path} without its body`, async () => {
      using client = new RawClient(server.url)
      const headers = []
      for (const method of ['HEAD', 'GET'] as const) {
        void client.send(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: same\r\n\r\n`)
        const reply = await client.reply(5_000, method === 'HEAD' ? { to: 'HEAD' } : {})
        expect(reply.status).toBe(200)
        reply.headers.delete('date')
        headers.push([...reply.headers])
      }
      expect(headers[0]).toEqual(headers[1])
    })
  }

  test('every answer has an id, and tells browsers not to guess its type', async () => {
    for (const path of ['/', '/health', '/v1/models', '/nothing']) {
      const { headers } = await fetch(server.url + path)
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  test('an unknown path is 404, and a wrong method of a known path is 405 with those that are right', async () => {
    for (const [method, path, allow] of [
      ['GET', '/v1/chat/completions', 'POST'],
      ['POST', '/v1/models', 'GET, HEAD'],
      ['DELETE', '/v1/models/plain', 'GET, HEAD'],
      // its own path, and none of /v1/responses/{id}
      ['GET', '/v1/responses/compact', 'POST'],
      ['GET', '/<script>alert(1)</script>', null],
    ] as const) {
      const response = await fetch(server.url + path, { method })
      expect([response.status, response.headers.get('allow')]).toEqual([allow === null ? 404 : 405, allow])
      const body = await response.text()
      expect(errorIn(body).code).toBe(allow === null ? 'not_found' : 'method_not_allowed')
      expect(body).not.toContain('alert')
    }
  })

  test('a wrong base URL is answered with the right one', async () => {
    for (const path of ['/v2/chat/completions', '/v1/chat/completion/', '/v1/v1/v1/chat/completions']) {
      const response = await fetch(server.url + path, { method: 'POST' })
      expect([response.status, errorIn(await response.text()).message]).toEqual([404, expect.stringContaining('"/v1"')])
    }
  })

  test('a base URL may have the version or not', async () => {
    for (const path of ['/v1/models', '/models', '/v1/v1/models', '/models/plain'])
      expect((await fetch(server.url + path)).status).toBe(200)
  })
})

describe('a path', () => {
  // the listener finds the first ones itself, and the door finds the others
  const chat = '/v1/chat/completions'
  const spellings: readonly (readonly [method: string, target: string, status: number])[] = [
    ['POST', chat, 200],
    ['POST', `${chat}?`, 200],
    ['POST', `${chat}?/health`, 200],
    ['POST', `http://elsewhere${chat}`, 200],
    ['POST', `${chat}/`, 200],
    ['POST', `/v1/.${chat.slice(3)}`, 200],
    ['POST', `${chat}#x`, 404],
    ['POST', chat.toUpperCase(), 404],
    ['POST', '/v1/chat/%63ompletions', 404],
    ['POST', '/v1%2Fchat/completions', 404],
    ['POST', `${chat};x`, 404],
    ['POST', `${chat}%00`, 404],
    ['GET', chat, 405],
    ['HEAD', chat, 405],
    ['OPTIONS', chat, 405],
    ['PUT', chat, 405],
    ['PROPFIND', chat, 405],
    ['GET', '/health?x', 200],
    ['GET', '/health#x', 404],
    ['GET', '/%68ealth', 404],
    ['POST', '/health', 405],
  ]
  for (const [method, target, status] of spellings)
    test(`${method} ${target} is answered with ${status}`, async () => {
      using client = new RawClient(server.url)
      const body = bodyOf('hello')
      void client.send(
        `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      const reply = await client.reply(5_000, method === 'HEAD' ? { to: 'HEAD' } : {})
      expect(reply.status).toBe(status)
      expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    })
})

describe('a base URL with a slash at its end', () => {
  for (const path of [
    '//v1/chat/completions',
    '/v1//chat/completions',
    '/v1/chat/completions/',
    '//v1//chat//completions//',
  ]) {
    for (const stream of [false, true]) {
      test(`makes ${path}, which is answered ${stream ? 'with' : 'without'} streaming`, async () => {
        using client = new RawClient(server.url)
        const body = bodyOf('hello', { stream })
        void client.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        const text = stream ? await client.text('data: [DONE]') : (await client.reply()).body
        expect(text).toContain('"content":"ok"')
      })
    }
  }

  test('gives a stream that can be aborted like any other', async () => {
    using client = new RawClient(server.url)
    const body = bodyOf('0 60000', { stream: true })
    void client.send(
      `POST /v1//chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await client.text('"content":"ok"')
    expect(chats).toBe(1)
    client.leave()
    await until(() => chats === 0, 20_000, 'the chat has ended')
  })

  test('works for the chat server and for a web page', async () => {
    expect((await fetch(`${server.url}/api//tools/`)).status).toBe(200)
    const response = await fetch(`${server.url}//v1/models`, { headers: { origin: server.url } })
    expect(response.status).toBe(200)
  })

  test('causes an error that names the right path, on a route that needs no key', async () => {
    for (const [path, right] of [
      ['/health/', '/health'],
      ['//ready', '/ready'],
    ] as const) {
      using client = new RawClient(server.url)
      void client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      const reply = await client.reply()
      expect([reply.status, errorIn(reply.body).message]).toEqual([404, expect.stringContaining(`GET ${right} `)])
    }
  })
})

describe('models', () => {
  test('are listed with their full ids and their known facts', async () => {
    const names = ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format']
    const emulated = Object.fromEntries(names.map((name) => [name, 'emulated']))
    expect(await (await fetch(`${server.url}/v1/models`)).json()).toEqual({
      object: 'list',
      has_more: false,
      first_id: 'lab/plain',
      last_id: 'lab/vendor/model:free',
      data: [
        {
          id: 'lab/plain',
          object: 'model',
          created: 0,
          owned_by: 'lab',
          type: 'model',
          display_name: 'lab/plain',
          created_at: '1970-01-01T00:00:00.000Z',
          context_length: 8192,
          capabilities: ['tools'],
          parameters: { ...emulated, n: 'emulated' },
        },
        {
          id: 'lab/vendor/model:free',
          object: 'model',
          created: 1_760_000_000,
          owned_by: 'vendor',
          type: 'model',
          display_name: 'lab/vendor/model:free',
          created_at: '2025-10-09T08:53:20.000Z',
          architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
          parameters: { ...emulated, n: 'emulated' },
        },
      ],
    })
  })

  test('are written once, and again only if an upstream sends another list', async () => {
    let reads = 0
    const counted = Array.from({ length: 250 }, (_, at) => ({
      id: `m${at}`,
      get contextLength() {
        reads++
        return 8192
      },
    }))
    let isUp = false
    const late: Upstream = {
      name: 'late',
      accounts: upstream.accounts,
      support: upstream.support,
      chat: upstream.chat,
      listModels: async () => {
        if (!isUp) throw new ChatError('upstream-failed', { message: 'refused', code: 'upstream_unreachable' })
        return [{ id: 'here' }]
      },
    }
    const many = openLoneGateway({ ...gatewayOptions, upstreams: [{ ...upstream, models: counted }, late] })
    const listing = start({ gateway: many })
    const list = async (method = 'GET') => {
      reads = 0
      const response = await fetch(`${listing.url}/v1/models`, { method })
      const text = await response.text()
      const ids = [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id)
      const missing = response.headers.get('x-tributary-upstreams-missing')
      return { ids, missing, reads, length: response.headers.get('content-length'), text }
    }
    const first = await list()
    expect(first.ids).toEqual(counted.map(({ id }) => `lab/${id}`))
    expect(first.missing).toBe('late')
    expect(first.reads).toBeGreaterThan(0)
    expect(await list()).toEqual({ ...first, reads: 0 })
    isUp = true
    const second = await list()
    expect(second.ids).toEqual([...first.ids, 'late/here'])
    expect(second.missing).toBeNull()
    expect(JSON.parse(second.text)).toMatchObject({ object: 'list' })
    const [third, fourth] = await Promise.all([list(), list()])
    expect([third.reads, fourth.reads]).toEqual([0, 0])
    expect(third.text).toBe(second.text)
    expect(await list('HEAD')).toMatchObject({ length: second.length, text: '' })
    await listing.stop(0)
    many.close()
  })

  const spellings: readonly (readonly [string, string | undefined])[] = [
    ['lab/plain', 'lab/plain'],
    ['plain', 'lab/plain'],
    ['lab/vendor/model:free', 'lab/vendor/model:free'],
    ['vendor/model:free', 'lab/vendor/model:free'],
    ['lab%2Fvendor%2Fmodel%3Afree', 'lab/vendor/model:free'],
    ['vendor%2Fmodel:free', 'lab/vendor/model:free'],
    ['lab/plain?x=1', 'lab/plain'],
    ['lab', undefined],
    ['lab/', undefined],
    ['vendor', undefined],
    ['lab//plain', undefined],
    ['lab/nothing', undefined],
    ['%', undefined],
    ['%ff', undefined],
    ['lab%252Fplain', undefined],
    ['__proto__', undefined],
    ['constructor', undefined],
    ['<b>', undefined],
  ]
  for (const [spelling, id] of spellings) {
    test(`${spelling} is ${id ?? 'no model'}`, async () => {
      const response = await fetch(`${server.url}/v1/models/${spelling}`)
      if (id) expect(await response.json()).toMatchObject({ id, object: 'model' })
      else expect([response.status, errorIn(await response.text()).code]).toEqual([404, 'model_not_found'])
    })
  }

  test('are found with a host name of any length', async () => {
    const short = start({ policy: { hasKeys: false, allowedHosts: ['a'], isPublic: false, corsOrigins: undefined } })
    using client = new RawClient(short.url)
    void client.send('GET /v1/models/lab/vendor/model:free HTTP/1.1\r\nHost: a\r\n\r\n')
    expect((await client.reply()).status).toBe(200)
    await short.stop(0)
  })
})

describe('a bug of ours', () => {
  const broken: Upstream = {
    ...upstream,
    chat: () => {
      throw new TypeError('undefined is not a function: quokka')
    },
  }
  const options = {
    store: new MemoryStore({ runtime: machine }),
    threadTtlMs: 60_000,
    upstreams: [broken],
    deadlines: { firstEventMs: 60_000, wholeMs: 60_000, idleMs: 60_000 },
    maxCalls: 9,
  }

  for (const stream of [false, true]) {
    test(`is a 500 without details, and the log has them (${stream ? 'with' : 'without'} streaming)`, async () => {
      const lines: string[] = []
      const told = openLog({ runtime: machine, level: 'debug', format: 'json', write: (line) => lines.push(line) })
      const failing = start({ gateway: openLoneGateway({ runtime: machine, ...options, log: told }), log: told })
      const response = await ask(failing, 'hello', { stream })
      expect(response.status).toBe(500)
      const text = await response.text()
      expect(errorIn(text)).toMatchObject({ type: 'server_error', code: 'internal_error' })
      expect(text).not.toMatch(/quokka|\bat |\.ts:/)
      const id = response.headers.get('x-request-id')
      const [shown, inFull] = lines.map((line): unknown => JSON.parse(line)).slice(-2)
      expect(shown).toMatchObject({ level: 'error', id, code: 'internal_error', err: { type: 'TypeError' } })
      expect(inFull).toMatchObject({
        level: 'debug',
        id,
        err: { cause: { message: expect.stringContaining('quokka') } },
      })
      expect(lines.filter((line) => line.includes('quokka')).length).toBe(1)
      await failing.stop(0)
    })
  }
})

test('a port in use is not shared', async () => {
  expect(() => start({ port: Number(new URL(server.url).port) })).toThrow(/in use/)
})

// the listener counts in steps of 4 s, so 8 s are at least 4 s, which is enough for a busy machine
describe('a connection', () => {
  const served: readonly (readonly [string, string])[] = [
    ['a chat', raw(bodyOf('hello'))],
    ['a chat with an invalid body', raw('{')],
    [
      'a chat with a too large body',
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n{`,
    ],
    ['a list of models', 'GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    [
      'an unknown path with an unread body',
      'POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n{',
    ],
    ['a refusal', 'GET /health HTTP/1.1\r\nHost: evil.com\r\n\r\n'],
  ]
  for (const [name, bytes] of served) {
    test.concurrent(`is closed when it idles after ${name}`, async () => {
      const idle = start({ idleSeconds: 8 })
      using client = new RawClient(idle.url)
      void client.send(bytes)
      const { headers } = await client.reply()
      expect(headers.get('connection')).not.toBe('close')
      await client.closed(patienceMs)
      await idle.stop(0)
    })
  }

  test.concurrent('is closed when it idles after a stream', async () => {
    const idle = start({ idleSeconds: 8 })
    using client = new RawClient(idle.url)
    void client.send(raw(bodyOf('hello', { stream: true })))
    await client.text('0\r\n\r\n')
    await client.closed(patienceMs)
    await idle.stop(0)
  })

  test.concurrent('is closed when the head of its next request comes too slowly', async () => {
    const idle = start({ idleSeconds: 8 })
    using client = new RawClient(idle.url)
    void client.send(raw(bodyOf('hello')))
    await client.reply()
    const dripping = setInterval(() => void client.send('GET'), 300)
    await client.closed(patienceMs).finally(() => clearInterval(dripping))
    await idle.stop(0)
  })

  test.concurrent('is not closed while a chat runs in silence', async () => {
    const idle = start({ idleSeconds: 1, keepAliveMs: 60_000 })
    const [whole, streamed] = await Promise.all([
      ask(idle, '5500 0').then((response) => response.text()),
      ask(idle, '0 5500', { stream: true }).then((response) => response.text()),
    ])
    expect(whole).toContain('"content":"ok"')
    expect(streamed).toEndWith('data: [DONE]\n\n')
    await idle.stop(0)
  })
})

describe('stopping', () => {
  test('lets a running answer end, and takes no new connection', async () => {
    const stopping = start()
    const running = ask(stopping, '500', { stream: true })
    await until(() => chats === 1, patienceMs, 'the chat')
    const stopped = stopping.stop(5_000)
    expect(await (await running).text()).toEndWith('data: [DONE]\n\n')
    await stopped
    expect(await fetch(`${stopping.url}/health`).catch(() => 'refused')).toBe('refused')
  })

  test('ends requests other than chats after the grace period too', async () => {
    const asked = Promise.withResolvers<void>()
    const { models: _, ...unlisted } = upstream
    const hanging: Upstream = {
      ...unlisted,
      listModels: () => {
        asked.resolve()
        return new Promise(() => undefined)
      },
    }
    const stopping = start({ gateway: openLoneGateway({ ...gatewayOptions, upstreams: [hanging] }) })
    const listing = fetch(`${stopping.url}/v1/models`)
    await asked.promise
    const stopped = stopping.stop(50)
    const failed = await listing
    expect([failed.status, errorIn(await failed.text()).code]).toEqual([503, 'shutting_down'])
    await stopped
  })

  test('closes idle connections at once', async () => {
    const stopping = start()
    using client = new RawClient(stopping.url)
    void client.send('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.reply()
    // the grace period is far longer than the time limit of a test
    await stopping.stop(60_000)
    await client.closed()
  })

  test('ends requests after the grace period: a stream with an error and without [DONE], others with 503', async () => {
    const stopping = start()
    const streamed = ask(stopping, '0 60000', { stream: true })
    const begun = await streamed
    const whole = ask(stopping, '60000')
    using slow = new RawClient(stopping.url)
    const half = 'Content-Length: 100\r\nExpect: 100-continue\r\nHost: localhost\r\n\r\n{'
    void slow.send(`POST /v1/chat/completions HTTP/1.1\r\n${half}`)
    // this reply shows that the head has arrived before the server stops
    expect((await slow.reply()).status).toBe(100)
    await until(() => chats === 2, 20_000, 'both chats')
    const stopped = stopping.stop(50)
    const text = await begun.text()
    expect(text).toContain('"content":"ok"')
    expect(text).toContain('"code":"shutting_down"')
    expect(text).not.toContain('[DONE]')
    const failed = await whole
    expect([failed.status, errorIn(await failed.text()).code]).toEqual([503, 'shutting_down'])
    expect((await slow.reply()).status).toBe(503)
    await stopped
  })
})
