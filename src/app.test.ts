import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { openApp } from './app.ts'
import { readConfig } from './config/config.ts'
import type { RawVariables } from './config/spelled-values.ts'
import type { Network } from './flow/network.ts'
import { ManualRuntime } from './flow/runtime.double.ts'
import { MemoryStore } from './state/memory/memory-store.ts'
import { openLog } from './telemetry/log.ts'
import type { EmulatedExchange } from './wire/emulator/http.ts'
import { machine, machineWith } from './wire/machine.double.ts'
import type { Faults } from './wire/memory-socket.double.ts'

/**
 * Opens the whole program on a simulated machine: only the test moves the clock, the random numbers come from a seed,
 * and the network is in memory. So hours pass in milliseconds, and the same seed gives the same bytes at the same
 * moments.
 */
function openGateway(
  answer: (exchange: EmulatedExchange, count: number) => void | Promise<void>,
  options: Options = {},
) {
  const { runtime = new ManualRuntime(), variables = {}, faults = {} } = options
  const config = readConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      UPSTREAM_LAB_URL: 'http://lab.test/v1',
      UPSTREAM_LAB_MODELS: 'm',
      API_REQUEST_TIMEOUT: '60',
      ...variables,
    },
    false,
  )
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const startedAt = runtime.elapsed()
  const now = () => runtime.elapsed() - startedAt
  const asked: number[] = []
  const answerNext = (exchange: EmulatedExchange) => {
    asked.push(now())
    return answer(exchange, asked.length)
  }
  runtime.network.answerAt('http://lab.test', answerNext, faults)
  const lines: string[] = []
  const log = openLog({ runtime, level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const app = openApp(config, log, options.store ?? new MemoryStore({ runtime }), { runtime })
  const post = (path: string, body: object, init: RequestInit = {}) =>
    follow(
      runtime.network.fetch(`${app.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        ...init,
      }),
      now,
    )
  const ask = (fields: object = {}, init: RequestInit = {}) =>
    post('/v1/chat/completions', { model: 'lab/m', messages: [{ role: 'user', content: 'Hello' }], ...fields }, init)
  return { runtime, app, asked, lines, post, ask }
}

interface Options {
  readonly runtime?: ManualRuntime
  readonly store?: MemoryStore
  readonly variables?: RawVariables
  readonly faults?: Faults
}

/** What a client has received so far, each piece with the milliseconds since the start. */
interface Received {
  readonly pieces: { readonly at: number; readonly text: string }[]
  status: number | undefined
  isOver: boolean
}

function follow(asking: Promise<Response>, now: () => number): Received {
  const received: Received = { pieces: [], status: undefined, isOver: false }
  const read = async () => {
    const response = await asking
    received.status = response.status
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) received.pieces.push({ at: now(), text: decoder.decode(bytes) })
  }
  const end = () => {
    received.isOver = true
  }
  read().then(end, end)
  return received
}

/** Waits on the test's clock. */
function pass({ timers }: ManualRuntime, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.set(ms, () => resolve()))
}

function textOf({ pieces }: Received): string {
  return pieces.map(({ text }) => text).join('')
}

const whole = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
})
const json = { 'content-type': 'application/json' }
const sse = { 'content-type': 'text/event-stream' }
const chunk = (delta: object, reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`
const end = `${chunk({}, 'stop')}data: [DONE]\n\n`
const answerWhole = (exchange: EmulatedExchange) => exchange.reply(200, whole, json)

test('a request is answered over the network in memory, and leaves nothing behind', async () => {
  const { runtime, ask, asked, app, lines } = openGateway(answerWhole)
  const answer = ask()
  await runtime.settle()
  expect([answer.status, answer.isOver, asked]).toEqual([200, true, [0]])
  expect(JSON.parse(textOf(answer))).toMatchObject({ choices: [{ message: { content: 'Hi' } }] })
  expect(lines.map((line) => JSON.parse(line).time)).toContain(new Date(runtime.now()).toISOString())
  await app.close()
  // the idle connection is closed by the next sweep
  await runtime.advance(60_000)
  expect([runtime.network.openConnections, runtime.isKept]).toEqual([0, false])
})

test('a whole reply of more than a megabyte is relayed after its head as it came', async () => {
  const text = 'word '.repeat(300_000)
  const rest = `"choices":[{"index":0,"message":{"role":"assistant","content":"${text}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"cost":0.10}\n`
  const reply = `{"id":"theirs","object":"chat.completion","created":7,"model":"m",${rest}`
  const { runtime, ask } = openGateway((exchange) => exchange.reply(200, reply, json))
  const answer = ask()
  // a long reply is read in many turns
  for (let turns = 0; turns < 1_000 && !answer.isOver; turns++) await runtime.settle()
  const body = textOf(answer)
  expect([answer.status, answer.isOver, body.endsWith(`"model":"lab/m",${rest}`)]).toEqual([200, true, true])
  expect(JSON.parse(body)).toMatchObject({ created: 7, model: 'lab/m' })
})

test('a stream passes on each chunk at the moment at which it comes', async () => {
  const { runtime, ask } = openGateway(async (exchange) => {
    exchange.head(200, sse)
    for (const word of ['one', 'two']) {
      await exchange.chunk(chunk({ content: word }))
      await pass(runtime, 3_000)
    }
    await exchange.chunk(end)
    exchange.end()
  })
  const answer = ask({ stream: true })
  await runtime.advance(6_000)
  const momentOf = (text: string) => answer.pieces.find((piece) => piece.text.includes(text))?.at
  expect(['one', 'two', '[DONE]'].map(momentOf)).toEqual([0, 3_000, 6_000])
  expect(answer.isOver).toBe(true)
})

test('a silent upstream causes the head at 8 s, a keep-alive each 10 s, and the end at 60 s', async () => {
  const { runtime, ask, asked } = openGateway(() => undefined)
  const answer = ask({ stream: true })
  await runtime.advance(8_100)
  expect([answer.status, textOf(answer)]).toEqual([200, ': keep-alive\n\n'])
  await runtime.advance(70_000)
  expect(answer.isOver).toBe(true)
  const keepAlives = answer.pieces.filter(({ text }) => text === ': keep-alive\n\n')
  expect(keepAlives.map(({ at }) => Math.round(at / 1_000))).toEqual([8, 18, 28, 38, 48, 58])
  const [last] = answer.pieces.slice(keepAlives.length)
  expect(last?.text).toContain('upstream_timeout')
  expect(last?.at).toBeGreaterThanOrEqual(60_000)
  expect(last?.at).toBeLessThan(60_100)
  expect([asked, runtime.network.openConnections]).toEqual([[0], 0])
})

test('an upstream that refuses one connection is asked again', async () => {
  let refusals = 0
  const faults: Faults = { connect: () => (refusals++ === 0 ? 'refuse' : 'accept') }
  const { runtime, ask, asked } = openGateway(answerWhole, { faults })
  const answer = ask()
  await runtime.advance(1_000)
  expect([answer.status, runtime.network.attempts, asked.length]).toEqual([200, 2, 1])
})

test('an upstream that no attempt reaches is given up after 5 s for each attempt', async () => {
  const { runtime, ask } = openGateway(answerWhole, { faults: { connect: () => 'silent' } })
  const answer = ask()
  await runtime.advance(4_900)
  expect(answer.status).toBeUndefined()
  await runtime.advance(30_000)
  expect([answer.isOver, answer.status]).toEqual([true, 504])
  expect(textOf(answer)).toContain('upstream_connect_timeout')
})

test('a reply that arrives slowly and byte by byte is unchanged', async () => {
  const quick = openGateway(answerWhole)
  const slow = openGateway(answerWhole, { faults: { pieceBytes: () => 1, delayMs: () => 5 } })
  const [first, second] = [quick.ask(), slow.ask()]
  await quick.runtime.advance(1_000)
  await slow.runtime.advance(10_000)
  expect([textOf(second), second.isOver]).toEqual([textOf(first), true])
  expect(second.pieces[0]?.at).toBeGreaterThan(0)
})

test('a connection that is reset within a stream ends it with an error', async () => {
  const { runtime, ask } = openGateway(
    async (exchange) => {
      exchange.head(200, sse)
      await exchange.chunk(chunk({ content: 'Hi' }) + chunk({ content: 'lost' }) + end)
      exchange.end()
    },
    { faults: { resetAfterBytes: () => 300 } },
  )
  const answer = ask({ stream: true })
  await runtime.advance(100)
  expect(textOf(answer)).toContain('Hi')
  expect(textOf(answer)).toContain('upstream_disconnected')
  expect(answer.isOver).toBe(true)
})

test('a chat over a kept connection that proves dead is sent again on a new one', async () => {
  const breaks = (exchange: EmulatedExchange, count: number) => (count === 2 ? exchange.reset() : answerWhole(exchange))
  const { runtime, ask, asked } = openGateway(breaks)
  const first = ask()
  await runtime.advance(1_000)
  const second = ask()
  await runtime.advance(1_000)
  expect([first.status, second.status, asked.length]).toEqual([200, 200, 3])
})

describe('a route with hedge', () => {
  /** The first upstream of the route is silent, and the second answers. */
  async function hedge(fields: object = {}) {
    const runtime = new ManualRuntime()
    let others = 0
    runtime.network.answerAt('http://other.test', (exchange) => {
      others++
      return answerWhole(exchange)
    })
    let leftAt: number | undefined
    const startedAt = runtime.elapsed()
    const silent = async ({ closed }: EmulatedExchange) => {
      await closed
      leftAt = runtime.elapsed() - startedAt
    }
    const { ask, lines } = openGateway(silent, {
      runtime,
      variables: {
        UPSTREAM_OTHER_URL: 'http://other.test/v1',
        UPSTREAM_OTHER_MODELS: 'm',
        ROUTES: 'fast = lab/m > other/m @ hedge; plain = lab/m > other/m',
      },
    })
    const answer = ask({ model: 'fast', ...fields })
    await runtime.advance(4_900)
    expect([others, answer.isOver]).toEqual([0, false])
    await runtime.advance(200)
    return { answer, others, leftAt, line: lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'chat') }
  }

  test('asks the next upstream while the first is silent, and cancels the one that loses at once', async () => {
    const { answer, others, leftAt, line } = await hedge()
    expect([answer.status, answer.isOver, others]).toEqual([200, true, 1])
    expect(leftAt).toBeWithin(5_000, 5_010)
    expect(line).toMatchObject({ upstream: 'other', attempts: 2, hedged: true, outcome: 'ok' })
  })

  test('asks no second upstream for a request with tools, for one that does not want it, and on another route', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
    for (const fields of [{ tools }, { tributary: { hedge: false } }, { model: 'plain' }])
      expect((await hedge(fields)).others).toBe(0)
    // the wish of a request alone is not enough
    expect((await hedge({ model: 'plain', tributary: { hedge: true } })).others).toBe(0)
  })
})

describe('an upstream that is overloaded', () => {
  const overloaded = (exchange: EmulatedExchange, count: number) =>
    count === 1 ? exchange.reply(503, '{}', json) : answerWhole(exchange)

  async function waitFor(seed: number): Promise<number> {
    const { runtime, ask, asked } = openGateway(overloaded, { runtime: new ManualRuntime(seed) })
    const answer = ask()
    await runtime.advance(1_000)
    expect([answer.status, asked.length]).toEqual([200, 2])
    return asked[1] ?? 0
  }

  test('is asked again after a wait that the seed decides', async () => {
    const waits = await Promise.all([1, 1, 2, 3].map(waitFor))
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(201)
    expect(waits[0]).toBe(waits[1] ?? Number.NaN)
    expect(new Set(waits).size).toBe(3)
  })
})

test('a session whose gateway has died is free when its lease of 15 seconds ends', async () => {
  const runtime = new ManualRuntime()
  const store = new MemoryStore({ runtime })
  // its clock stands still from the moment of its death
  const mortal = new ManualRuntime()
  const dead = openGateway(() => undefined, { runtime: mortal, store })
  const session = { session_id: 's', content: 'Hello', model_config: { model: 'lab/m' } }
  dead.post('/api/chat/stream', session)
  await mortal.settle()
  expect(dead.asked).toHaveLength(1)
  // from now on the upstream answers another gateway with the same store, and the first never releases its lease
  const other = openGateway((exchange) => exchange.reply(200, chunk({ content: 'Hi' }) + end, sse), { runtime, store })
  const soon = other.post('/api/chat/stream', session)
  await runtime.settle()
  expect([soon.status, soon.isOver]).toEqual([409, true])
  await runtime.advance(15_000)
  const late = other.post('/api/chat/stream', { ...session, content: 'Go on' })
  await runtime.advance(1)
  expect([late.status, late.isOver]).toEqual([200, true])
  expect(textOf(late)).toContain('Hi')
})

test('a client that leaves ends the request to its upstream at once', async () => {
  const closed: number[] = []
  const { runtime, ask } = openGateway(async (exchange) => {
    exchange.head(200, sse)
    await exchange.chunk(chunk({ content: 'a' }))
    await exchange.closed
    closed.push(runtime.elapsed())
  })
  const client = new AbortController()
  const answer = ask({ stream: true }, { signal: client.signal })
  await runtime.advance(5_000)
  expect(answer.status).toBe(200)
  const leftAt = runtime.elapsed()
  client.abort()
  await runtime.settle()
  expect(closed).toEqual([leftAt])
  expect(runtime.network.openConnections).toBe(0)
})

test('a resumable answer goes on and ends when its client leaves before the first event', async () => {
  const { runtime, ask, lines } = openGateway(async (exchange) => {
    await pass(runtime, 12_000)
    exchange.reply(200, chunk({ content: 'a' }) + end, sse)
  })
  const client = new AbortController()
  const answer = ask({ stream: true }, { signal: client.signal, headers: { ...json, 'x-tributary-resumable': 'true' } })
  await runtime.advance(7_000)
  client.abort()
  // the head is sent at 8 s, to nobody
  await runtime.advance(10_000)
  expect(answer.isOver).toBe(true)
  expect(lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'chat')).toMatchObject({ outcome: 'ok' })
})

test('closing waits for a running stream, and ends it when the grace period is over', async () => {
  const { runtime, ask, app } = openGateway(
    async (exchange) => {
      exchange.head(200, sse)
      await exchange.chunk(chunk({ content: 'a' }))
    },
    { variables: { SHUTDOWN_GRACE: '20' } },
  )
  const answer = ask({ stream: true })
  await runtime.advance(1_000)
  const closing = app.close()
  await runtime.advance(19_000)
  expect(answer.isOver).toBe(false)
  await runtime.advance(4_000)
  await closing
  expect([answer.isOver, runtime.network.openConnections]).toEqual([true, 0])
})

describe('one seed', () => {
  /**
   * Sends requests for an hour over a bad network. The upstream answers, refuses or ignores each. Returns everything
   * that a test can observe.
   */
  async function record(seed: number): Promise<string> {
    const runtime = new ManualRuntime(seed)
    const faults: Faults = {
      connect: () => (runtime.random() < 0.2 ? 'refuse' : 'accept'),
      delayMs: () => runtime.random() * 50,
      pieceBytes: () => 1 + Math.floor(runtime.random() * 400),
      resetAfterBytes: () => (runtime.random() < 0.2 ? 500 : Number.POSITIVE_INFINITY),
    }
    const { ask, asked, lines, app } = openGateway(
      async (exchange, count) => {
        if (count % 7 === 0) return
        if (count % 4 === 0) return exchange.reply(503, '{}', { ...json, 'retry-after': '1' })
        exchange.head(200, sse)
        for (const word of ['a', 'b', 'c']) {
          await pass(runtime, runtime.random() * 9_000)
          await exchange.chunk(chunk({ content: word }))
        }
        await exchange.chunk(end)
        exchange.end()
      },
      { runtime, faults },
    )
    const answers: Received[] = []
    for (let minute = 0; minute < 60; minute += 5) {
      answers.push(ask({ stream: true }), ask({ stream: true }))
      await runtime.advance(5 * 60_000)
    }
    expect(answers.every(({ isOver }) => isOver)).toBe(true)
    const closing = app.close()
    await runtime.advance(60_000)
    await closing
    expect(runtime.network.openConnections).toBe(0)
    return JSON.stringify({ asked, answers, lines })
  }

  test('gives the same bytes at the same milliseconds, with the same ids and log lines; another seed gives others', async () => {
    const [first, again, other] = [await record(7), await record(7), await record(8)]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    expect(first.length).toBeGreaterThan(10_000)
    expect(first).toContain('upstream_disconnected')
  })
})

describe('the number of calls at once', () => {
  /** Opens the program on the real machine, but with a network that can open so many connections. */
  async function permitsOf(network: Partial<Network>): Promise<number> {
    const runtime = machineWith({ network: { ...machine.network, ...network } })
    const config = readConfig({ HOST: '127.0.0.1', PORT: '0' }, false)
    if ('problems' in config) throw new Error(JSON.stringify(config.problems))
    const log = openLog({ runtime, level: 'silent', format: 'json', write: () => undefined })
    const app = openApp(config, log, new MemoryStore({ runtime }), { runtime })
    const status = z.object({ calls: z.object({ permits: z.number() }) })
    const { calls } = status.parse(await (await fetch(`${app.url}/admin/upstreams`)).json())
    await app.close()
    return calls.permits
  }

  test('is half of the connections that the process can open, because each call needs two', async () => {
    expect(await permitsOf({ maxConnections: () => 100_001 })).toBe(50_000)
    expect(await permitsOf({ maxConnections: () => 1 })).toBe(1)
  })

  test('is a number too if the limit is unknown', async () => {
    expect(await permitsOf({ maxConnections: () => Number.POSITIVE_INFINITY })).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('is at most what fetch carries at once if requests go through a proxy', async () => {
    expect(await permitsOf({ maxConnections: () => 100_001, fetchByProxy: fetch })).toBe(8_000)
  })
})
