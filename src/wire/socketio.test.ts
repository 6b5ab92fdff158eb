import { heapStats } from 'bun:jsc'
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { times } from '../../test/sizes.ts'
import { each, until, untilStill, within } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import { Secret } from '../chat/secret.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import { flat } from '../flow/flow.double.ts'
import { nextTurn } from '../flow/next-turn.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { type EmulatedExchange, emulateHttp } from './emulator/http.ts'
import {
  type Admission,
  acceptSocketIo,
  binaryEvent,
  type EmulatedSocketIo,
  eventFrame,
  type SocketIoHost,
} from './emulator/socketio.ts'
import { closeFrame } from './emulator/websocket.ts'
import { aborted, newCancel } from './machine.double.ts'
import { openSocketIo, type SocketIoConnection, type SocketIoEvent, type SocketIoRequest } from './socketio.ts'
import { frame, opcodes } from './websocket-frames.ts'

const token = new Secret('token-of-socketio')
const never = newCancel()
const left = new ChatError('cancelled', { message: 'The client left.' })
const lines: EmulatedSocketIo[] = []
let answer: (exchange: EmulatedExchange) => void
const emulator = await emulateHttp((exchange) => answer(exchange))
afterAll(() => emulator.close())
beforeEach(() => {
  lines.length = 0
  answer = accept()
})

/** Makes an answer that accepts the token, and then does what the test needs. */
function accept(host: Partial<SocketIoHost> & { readonly welcome?: (line: EmulatedSocketIo) => void } = {}) {
  return (exchange: EmulatedExchange) => {
    const line = acceptSocketIo(exchange, {
      admit(auth, to): Admission {
        expect(auth).toEqual({ token: token.reveal() })
        queueMicrotask(() => host.welcome?.(to))
        return 'yes'
      },
      ...host,
    })
    if (line) lines.push(line)
  }
}

/** Shows an event with its values as text. */
const asText = ({ name, values }: SocketIoEvent): ChatEvent[] => [
  { type: 'text', choice: 0, part: 0, text: JSON.stringify([name, ...values]) },
]

function open(more: Partial<SocketIoRequest> = {}, signal: Cancel = never): Promise<SocketIoConnection> {
  const headers = { 'user-agent': 'tributary-test' }
  return openSocketIo({ url: emulator.origin, headers, token, read: asText, ...more }, signal)
}

/** Reads to the end. @returns the events and the ending */
async function readAll({ batches }: SocketIoConnection): Promise<{ read: unknown[]; thrown: unknown }> {
  const read: unknown[] = []
  try {
    for await (const event of flat(batches)) read.push(event.type === 'text' ? JSON.parse(event.text) : event)
    return { read, thrown: undefined }
  } catch (thrown) {
    return { read, thrown }
  }
}

function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  )
}

const isGone = () => until(() => emulator.openConnections() === 0, 1_000, 'the connection is gone')
const disconnected = { reason: 'upstream-failed', code: 'upstream_disconnected' }

describe('a connection', () => {
  test('is a WebSocket from the first byte, without compression, with the headers given', async () => {
    const connection = await open()
    const request = lines[0]?.socket.request
    expect(request?.path).toBe('/socket.io/?EIO=4&transport=websocket')
    expect(request?.headers.get('user-agent')).toBe('tributary-test')
    expect(request?.headers.get('sec-websocket-extensions')).toBeNull()
    expect(emulator.requests.at(-1)).toBe(request)
    connection.close()
    await isGone()
  })

  test('sends a disconnect packet and a close frame at its end, and its events end without an error', async () => {
    const connection = await open()
    connection.close()
    expect(await readAll(connection)).toEqual({ read: [], thrown: undefined })
    await isGone()
    expect(lines[0]?.socket.received).toEqual([`40{"token":"${token.reveal()}"}`, '41'])
    expect(lines[0]?.socket.closeCode()).toBeDefined()
  })

  for (const [form, url] of [
    ['ws:', emulator.origin.replace('http', 'ws')],
    ['a slash at the end', `${emulator.origin}/`],
  ] as const)
    test(`accepts an address with ${form}`, async () => {
      const connection = await open({ url })
      connection.close()
      expect(emulator.requests.at(-1)?.path).toBe('/socket.io/?EIO=4&transport=websocket')
    })

  test('keeps the path of an address, and does not use it as a namespace', async () => {
    const failure = await thrownBy(open({ url: `${emulator.origin}/proxy` }))
    expect(failure).toMatchObject({ reason: 'upstream-outdated', upstreamStatus: 404 })
    expect(emulator.requests.at(-1)?.path).toBe('/proxy/socket.io/?EIO=4&transport=websocket')
  })

  test('answers many pings', async () => {
    answer = accept({ pulse: { pingInterval: 5, pingTimeout: 100 } })
    const connection = await open({ limits: { silentMs: 60 } })
    const pongs = () => lines[0]?.socket.received.filter((text) => text === '3').length ?? 0
    await until(() => pongs() > 30, 20_000, 'pongs')
    connection.close()
    await isGone()
  })
})

describe('events', () => {
  const burst = ['a', 'b', 'c'].map((name) => eventFrame('word', name))

  test('come in order, with all their values', async () => {
    answer = accept({
      welcome(line) {
        void line.emit('word', 'Hello', { a: 1 }, null)
        void line.emit('other')
        line.socket.close(1000)
      },
    })
    const { read, thrown } = await readAll(await open())
    expect(read).toEqual([['word', 'Hello', { a: 1 }, null], ['other']])
    expect(thrown).toMatchObject(disconnected)
  })

  test('that ask for an acknowledgement get one', async () => {
    answer = accept({ welcome: (line) => void line.frame('427["word","Hello"]') })
    const connection = await open()
    const events = flat(connection.batches)
    expect(await events.next()).toMatchObject({ value: { text: '["word","Hello"]' } })
    await until(() => lines[0]?.socket.received.at(-1) === '437[]', 20_000, 'the acknowledgement')
    connection.close()
  })

  test('with bytes, noops, acknowledgements and other namespaces do no harm', async () => {
    answer = accept({
      async welcome(line) {
        await line.socket.raw(binaryEvent('bytes', Buffer.from('abc')))
        for (const text of ['6', '437[1]', '42/other,["word","no"]', '40{"sid":"again"}', '3']) await line.frame(text)
        await line.emit('word', 'yes')
      },
    })
    const connection = await open({ read: (event) => (event.name === 'word' ? asText(event) : []) })
    expect(await flat(connection.batches).next()).toMatchObject({ value: { text: '["word","yes"]' } })
    connection.close()
  })

  test('that come in one write with the CONNECT answer and the end are all read', async () => {
    const bytes = Buffer.concat([frame('40{"sid":"in"}'), ...burst.map((text) => frame(text)), closeFrame(1000)])
    answer = accept({
      admit(_, line) {
        void line.socket.raw(bytes)
        line.socket.finish()
        return 'silent'
      },
    })
    const { read, thrown } = await readAll(await open())
    expect(read).toEqual([
      ['word', 'a'],
      ['word', 'b'],
      ['word', 'c'],
    ])
    expect(thrown).toMatchObject(disconnected)
  })

  test('are the same with any cuts of their bytes', async () => {
    const bytes = Buffer.concat([
      ...burst.map((text) => frame(text)),
      binaryEvent('bytes', Buffer.from('abc')),
      frame(eventFrame('word', 'é👩‍👩‍👧'.repeat(40))),
      closeFrame(1000),
    ])
    const readCut = async (cuts: readonly number[]) => {
      answer = accept({
        async welcome(line) {
          const edges = [0, ...cuts, bytes.length]
          for (const [at, end] of edges.slice(1).entries()) {
            await line.socket.raw(bytes.subarray(edges[at], end))
            await Bun.sleep(0)
          }
        },
      })
      return (await readAll(await open())).read
    }
    const whole = await readCut([])
    expect(whole).toHaveLength(5)
    const someCuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(someCuts, async (cuts) => expect(await readCut(cuts.sort((a, b) => a - b))).toEqual(whole)),
      { numRuns: 60 },
    )
    expect(await readCut(Array.from({ length: bytes.length - 1 }, (_, at) => at + 1))).toEqual(whole)
  })

  test('that mean an error end the connection, after the events before them', async () => {
    const failure = new ChatError('upstream-failed', { message: 'No.' })
    answer = accept({ welcome: (line) => void burst.map((text) => line.frame(text)) })
    const read = (event: SocketIoEvent) => {
      if (event.values[0] === 'c') throw failure
      return asText(event)
    }
    expect(await readAll(await open({ read }))).toEqual({
      read: [
        ['word', 'a'],
        ['word', 'b'],
      ],
      thrown: failure,
    })
    await isGone()
  })
})

describe('a connection that ends by itself', () => {
  const endings: readonly (readonly [string, (line: EmulatedSocketIo) => void])[] = [
    ['41', (line) => void line.frame('41')],
    ["Engine.IO's close", (line) => void line.frame('1')],
    ['a goodbye', (line) => line.socket.close(1000)],
    ['a close frame with 1011', (line) => line.socket.close(1011)],
    ['FIN', (line) => line.socket.finish()],
    ['RST', (line) => setTimeout(() => line.socket.reset(), 30)],
  ]
  for (const [what, end] of endings)
    test(`${what}: the events are read, and then the connection fails`, async () => {
      answer = accept({
        welcome(line) {
          void line.emit('word', 1)
          end(line)
        },
      })
      expect(await readAll(await open())).toEqual({
        read: [['word', 1]],
        thrown: expect.objectContaining(disconnected),
      })
      await isGone()
    })

  test('silently is noticed by missing pings', async () => {
    answer = accept({ opening: '0{"sid":"a","upgrades":[],"pingInterval":30,"pingTimeout":30}' })
    const { thrown } = await within(readAll(await open()), 20_000, 'the end')
    expect(thrown).toMatchObject(disconnected)
    await isGone()
  })

  test('silently is noticed on the clock and the network of the runtime', async () => {
    const runtime = new ManualRuntime()
    runtime.network.answerAt('https://socketio.test', (exchange) => accept()(exchange))
    const connection = await open({ url: 'wss://socketio.test' }, new CancelSource(runtime))
    const reading = readAll(connection)
    let isOver = false
    void reading.finally(() => {
      isOver = true
    })
    // the emulator's own clock is real, so its first ping does not come in time
    await runtime.advance(44_000)
    expect([isOver, runtime.network.openConnections]).toEqual([false, 1])
    await runtime.advance(2_000)
    expect([isOver, runtime.network.openConnections]).toEqual([true, 0])
    expect((await reading).thrown).toMatchObject(disconnected)
  })

  test('silently is noticed by our own limit too, even if the server states a long interval', async () => {
    answer = accept({ pulse: { pingInterval: 1e9, pingTimeout: 1e9 } })
    const { thrown } = await within(readAll(await open({ limits: { silentMs: 60 } })), 20_000, 'the end')
    expect(thrown).toMatchObject(disconnected)
    await isGone()
  })
})

describe('a server that refuses the connection', () => {
  const refusals: readonly (readonly [string, string, string])[] = [
    ['Not authorized', 'account-refused', 'upstream_auth'],
    ['jwt expired', 'account-refused', 'upstream_auth'],
    ['Too many connections', 'rate-limited', 'rate_limit_exceeded'],
    ['Server is at capacity', 'overloaded', 'upstream_overloaded'],
    ['Boom', 'upstream-failed', 'upstream_error'],
    ['', 'upstream-failed', 'upstream_error'],
  ]
  for (const [message, reason, code] of refusals)
    test(`with "${message}" is ${code}`, async () => {
      answer = accept({ admit: () => ({ message, data: { why: 'x' } }) })
      expect(await thrownBy(open())).toMatchObject({ reason, code })
      await isGone()
    })

  test('without a message is a failure too', async () => {
    answer = accept({
      admit(_, line) {
        void line.frame('44"no"')
        return 'silent'
      },
    })
    expect(await thrownBy(open())).toMatchObject({ reason: 'upstream-failed' })
    await isGone()
  })

  const statuses: readonly (readonly [number, string, string])[] = [
    [401, 'account-refused', 'upstream_auth'],
    [403, 'account-refused', 'upstream_auth'],
    [404, 'upstream-outdated', 'upstream_protocol'],
    [429, 'rate-limited', 'rate_limit_exceeded'],
    [500, 'upstream-failed', 'upstream_error'],
    [503, 'overloaded', 'upstream_overloaded'],
    [200, 'upstream-outdated', 'upstream_protocol'],
    [302, 'upstream-outdated', 'upstream_protocol'],
  ]
  for (const [status, reason, code] of statuses)
    test(`with the status ${status} is ${code}`, async () => {
      answer = (exchange) => exchange.reply(status, '{}')
      expect(await thrownBy(open())).toMatchObject({ reason, code, upstreamStatus: status })
      await isGone()
    })

  test('with a time to wait passes that time on', async () => {
    answer = (exchange) => exchange.reply(429, '{}', { 'retry-after': '7' })
    expect(await thrownBy(open())).toMatchObject({ reason: 'rate-limited', retryAfterMs: 7_000 })
  })

  const hosts: readonly (readonly [string, Partial<SocketIoHost> | 'no head'])[] = [
    ['no head', 'no head'],
    ['no opening', { opening: 'none' }],
    ['no answer to CONNECT', { admit: () => 'silent' }],
  ]
  for (const [what, host] of hosts)
    test(`because there is ${what} is given up`, async () => {
      answer = host === 'no head' ? () => undefined : accept(host)
      const failure = await within(thrownBy(open({ limits: { connectMs: 60 } })), 20_000, 'the limit')
      expect(failure).toMatchObject({ reason: 'timeout', code: 'upstream_connect_timeout' })
      await isGone()
    })

  for (const [what, opening] of [
    ['no JSON', '0{"sid'],
    ['null', '0null'],
    ['no packet', 'hello'],
    ['an empty frame', ''],
  ] as const)
    test(`and opens with ${what} does not speak Socket.IO`, async () => {
      answer = accept({ opening })
      const failure = await within(thrownBy(open({ limits: { connectMs: 500 } })), 20_000, 'the failure')
      expect(failure).toMatchObject({ reason: 'upstream-failed' })
      await isGone()
    })

  test('and closes the connection has disconnected', async () => {
    answer = accept({
      admit(_, line) {
        line.socket.finish()
        return 'silent'
      },
    })
    expect(await thrownBy(open())).toMatchObject(disconnected)
  })

  test('because its port is closed is unreachable', async () => {
    const failure = await thrownBy(open({ url: 'http://127.0.0.1:1' }))
    expect(failure).toMatchObject({ reason: 'upstream-failed', code: 'upstream_unreachable' })
  })
})

describe('a server that sends too much', () => {
  const tooLarge = { code: 'upstream_response_too_large' }
  const flooded = async (flood: (line: EmulatedSocketIo) => unknown, more: Partial<SocketIoRequest> = {}) => {
    answer = accept({ welcome: (line) => void flood(line) })
    const { thrown } = await within(readAll(await open(more)), 20_000, 'the end of it')
    await isGone()
    return thrown
  }

  test('in one frame is disconnected', async () => {
    expect(await flooded((line) => line.emit('word', 'x'.repeat(9 * 2 ** 20)))).toMatchObject(tooLarge)
  })

  test('as a million empty messages is disconnected', async () => {
    const noops = Buffer.concat(Array.from({ length: 20_000 }, () => frame('6')))
    const flood = async (line: EmulatedSocketIo) => {
      while (line.socket.isOpen()) {
        await line.socket.raw(noops)
        await nextTurn()
      }
    }
    expect(await flooded(flood)).toMatchObject(tooLarge)
  })

  test('in invalid packets is disconnected', async () => {
    const floods = [frame('', {}), frame('42nojson'), frame('x', { opcode: opcodes.binary }), frame('9')]
    for (const bytes of floods)
      expect(await flooded((line) => line.socket.raw(bytes))).toMatchObject({ code: 'upstream_bad_response' })
  })

  test('for its reader is disconnected, and its waiting events are dropped', async () => {
    answer = accept({
      async welcome(line) {
        for (let at = 0; at < 200 && line.socket.isOpen(); at++) await line.emit('word', 'x'.repeat(2 ** 16))
      },
    })
    const connection = await open()
    await isGone()
    expect(await readAll(connection)).toEqual({ read: [], thrown: expect.objectContaining(tooLarge) })
  })
})

describe('leaving', () => {
  const phases: readonly (readonly [string, () => void])[] = [
    ['before the head', () => (answer = () => undefined)],
    ['before the opening', () => (answer = accept({ opening: 'none' }))],
    ['before it is accepted', () => (answer = accept({ admit: () => 'silent' }))],
  ]
  for (const [phase, prepare] of phases)
    test(`${phase} closes at once`, async () => {
      prepare()
      const controller = newCancel()
      const opening = thrownBy(open({}, controller))
      await until(() => emulator.openConnections() === 1, 20_000, 'the connection')
      await untilStill(() => lines[0]?.socket.received.length ?? 0, 20, 1_000)
      controller.abort(left)
      expect(await within(opening, 50, 'the end')).toBe(left)
      await until(() => emulator.openConnections() === 0, 50, 'the connection is gone')
      expect(controller.followers).toBe(0)
    })

  for (const [how, prepare] of [
    ['a silent server', () => undefined],
    ['a server that reads nothing', (line: EmulatedSocketIo) => line.socket.stall()],
  ] as const)
    test(`${how} closes at once, and drops any waiting events`, async () => {
      const controller = newCancel()
      answer = accept({
        welcome(line) {
          prepare(line)
          void line.emit('word', 1)
        },
      })
      const connection = await open({}, controller)
      await until(() => emulator.openConnections() === 1, 20_000, 'the connection')
      controller.abort(left)
      expect(await within(readAll(connection), 50, 'the end')).toEqual({ read: [], thrown: left })
      await until(() => emulator.openConnections() === 0, 50, 'the connection is gone')
      expect(controller.followers).toBe(0)
    })

  test('before it has begun opens no connection', async () => {
    const before = emulator.requests.length
    expect(await thrownBy(open({}, aborted(left)))).toBe(left)
    expect(emulator.requests.length).toBe(before)
  })
})

/** With TRIBUTARY_TEST_FULL=1 it is the number that reliability, section 1, promises. */
const cycles = times(150, 5_000)

test(`${cycles} connections, one after the other and at the same time, leave nothing behind`, async () => {
  answer = accept({ welcome: (line) => void line.emit('word', 'Hello') })
  const controller = newCancel()
  const cycle = async () => {
    const connection = await open({}, controller)
    for await (const _ of connection.batches) break
  }
  const held = () => {
    Bun.gc(true)
    const { Object: objects = 0, TCPSocket: sockets = 0, Promise: promises = 0 } = heapStats().objectTypeCounts
    // the emulator keeps one object for each request
    return { objects: objects - emulator.requests.length, sockets, promises, timers: controller.runtime.timers.size }
  }
  await each(Array.from({ length: cycles }), 8, cycle)
  await isGone()
  lines.length = 0
  const before = held()
  await each(Array.from({ length: cycles }), 8, cycle)
  await isGone()
  lines.length = 0
  const after = held()
  expect(controller.followers).toBe(0)
  expect(after.objects - before.objects).toBeLessThan(cycles / 2)
  expect(after.promises - before.promises).toBeLessThan(20)
  expect(after.sockets - before.sockets).toBeLessThan(20)
  expect(after.timers - before.timers).toBeLessThan(20)
})

test('our token in a message of the server is redacted', async () => {
  answer = accept({ admit: () => ({ message: `bad token ${token.reveal()}` }) })
  const failure = await thrownBy(open())
  expect(failure).toMatchObject({ reason: 'account-refused' })
  expect(String(failure)).not.toContain(token.reveal())
})
