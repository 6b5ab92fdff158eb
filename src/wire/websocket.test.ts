import { heapStats } from 'bun:jsc'
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { times } from '../../test/sizes.ts'
import { until, untilStill, within } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { type EmulatedExchange, emulateHttp } from './emulator/http.ts'
import { acceptWebSocket, closeFrame, type EmulatedWebSocket, fragments, isUpgrade } from './emulator/websocket.ts'
import { aborted, newCancel } from './machine.double.ts'
import { openWebSocket } from './websocket.ts'
import { acceptKey, frame, opcodes } from './websocket-frames.ts'
import type { WebSocketLimits } from './websocket-request.ts'

const left = new ChatError('cancelled', { message: 'The client left.' })
const sockets: EmulatedWebSocket[] = []
let answer: (exchange: EmulatedExchange) => void
const emulator = await emulateHttp((exchange) => answer(exchange))
afterAll(() => emulator.close())
beforeEach(() => {
  sockets.length = 0
  answer = accept()
})

/** Makes an answer that accepts the handshake, and then does what the test needs. */
function accept(then: (socket: EmulatedWebSocket) => unknown = () => undefined) {
  return (exchange: EmulatedExchange) => {
    expect(isUpgrade(exchange.request)).toBe(true)
    const socket = acceptWebSocket(exchange, (text, to) => void to.send(`You said: ${text}`))
    sockets.push(socket)
    void then(socket)
  }
}

function open(limits: WebSocketLimits = {}, signal = newCancel(), url = emulator.origin) {
  return openWebSocket(
    { url: `${url}/chat?a=b`, headers: { origin: 'https://site.test', cookie: 'c=d' }, limits },
    signal,
  )
}

/** Reads to the end. @returns the messages and the ending */
async function readAll(messages: AsyncIterable<string>): Promise<{ read: string[]; thrown: unknown }> {
  const read: string[] = []
  try {
    for await (const message of messages) read.push(message)
    return { read, thrown: undefined }
  } catch (thrown) {
    return { read, thrown }
  }
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  )
}

/** A peer that opens a WebSocket, stops reading, and then does what the test needs. */
async function deafPeer(then: (socket: Socket) => Promise<void>) {
  const peer = Promise.withResolvers<Socket>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      const key = /sec-websocket-key: (\S+)/i.exec(String(bytes))?.[1] ?? ''
      socket.pause()
      socket.write(
        `HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${acceptKey(key)}\r\n\r\n`,
      )
      peer.resolve(socket)
      void then(socket)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, peer: peer.promise, close: () => void server.close() }
}

const isGone = () => until(() => emulator.openConnections() === 0, 1_000, 'the connection is gone')

describe('a WebSocket', () => {
  test('is requested with the given headers, and without compression', async () => {
    const connection = await open()
    const asked = sockets[0]?.request
    expect(asked?.path).toBe('/chat?a=b')
    expect(asked?.headers.get('origin')).toBe('https://site.test')
    expect(asked?.headers.get('cookie')).toBe('c=d')
    expect(asked?.headers.get('sec-websocket-extensions')).toBeNull()
    connection.close()
    await isGone()
    expect(sockets[0]?.closeCode()).toBe(1000)
    expect(await readAll(connection.messages)).toEqual({ read: [], thrown: undefined })
  })

  test('carries text in both directions', async () => {
    const connection = await open()
    const long = 'ä'.repeat(70_000)
    const heard: string[] = []
    for (const text of ['one', 'twö 👋', long]) connection.send(text)
    for await (const message of connection.messages) if (heard.push(message) === 3) break
    expect(heard).toEqual(['You said: one', 'You said: twö 👋', `You said: ${long}`])
    await isGone()
    connection.send('too late')
  })

  test('is recognized by its scheme', async () => {
    const port = emulator.origin.replace('http', 'ws')
    const connection = await open({}, undefined, port)
    connection.close()
    expect(await thrownBy(open({}, undefined, 'file:///etc'))).toMatchObject({ reason: 'upstream-outdated' })
    expect(await thrownBy(open({}, undefined, 'nonsense'))).toMatchObject({ reason: 'upstream-outdated' })
    await isGone()
  })

  test('ignores messages other than text', async () => {
    answer = accept(async (socket) => {
      await socket.raw(frame('ping', { opcode: opcodes.ping }))
      await socket.raw(frame('binary', { opcode: opcodes.binary }))
      await socket.raw(frame('pong', { opcode: opcodes.pong }))
      await socket.send('text')
      await socket.raw(closeFrame(1000))
    })
    const { read } = await readAll((await open()).messages)
    expect(read).toEqual(['text'])
    await isGone()
  })
})

describe('any fragmentation and any split', () => {
  const messages = ['{"type":"a"}', 'grüße 👨‍👩‍👧 \u2028', '', 'x'.repeat(300)]

  test('gives the same messages', async () => {
    const cutsOf = (text: string) => fc.subarray(offsets(Buffer.byteLength(text)))
    const layout = fc.tuple(...messages.map(cutsOf)).chain((cuts) => {
      const bytes = Buffer.concat(messages.map((text, at) => fragments(text, cuts[at] ?? [])))
      return fc.record({ bytes: fc.constant(bytes), splits: fc.subarray(offsets(bytes.length), { maxLength: 10 }) })
    })
    await fc.assert(
      fc.asyncProperty(layout, async ({ bytes, splits }) => {
        answer = accept((socket) => sendSplit(socket, bytes, splits))
        const { read, thrown } = await readAll((await open()).messages)
        expect(read).toEqual(messages)
        expect(thrown).toMatchObject({ code: 'upstream_disconnected' })
      }),
      { numRuns: 60 },
    )
  })

  test('gives the same messages byte by byte', async () => {
    const bytes = Buffer.concat(messages.slice(0, 3).map((text) => fragments(text, offsets(Buffer.byteLength(text)))))
    answer = accept((socket) => sendSplit(socket, bytes, offsets(bytes.length)))
    expect((await readAll((await open()).messages)).read).toEqual(messages.slice(0, 3))
  })

  function offsets(length: number): number[] {
    return Array.from({ length: Math.max(0, length - 1) }, (_, at) => at + 1)
  }

  async function sendSplit(socket: EmulatedWebSocket, bytes: Buffer, splits: readonly number[]): Promise<void> {
    const edges = [0, ...splits, bytes.length]
    for (const [at, end] of edges.slice(1).entries()) {
      await socket.raw(bytes.subarray(edges[at], end))
      await Bun.sleep(0)
    }
    socket.close(1000)
  }
})

describe('a handshake', () => {
  const table = [
    [401, 'account-refused'],
    [402, 'quota-exhausted'],
    [403, 'account-refused'],
    [404, 'upstream-outdated'],
    [400, 'upstream-outdated'],
    [429, 'rate-limited'],
    [500, 'upstream-failed'],
    [503, 'overloaded'],
    [302, 'upstream-outdated'],
    [200, 'upstream-outdated'],
  ] as const
  for (const [status, reason] of table) {
    test(`refused with ${status} is ${reason}`, async () => {
      answer = (exchange) => exchange.reply(status, '{"message":"No."}')
      expect(await thrownBy(open())).toMatchObject({ reason, upstreamStatus: status })
      await isGone()
    })
  }

  test('that is cut is a disconnect', async () => {
    const half = 'HTTP/1.1 101 Emulated\r\nupgrade: websocket\r\n'
    const cuts: readonly ((exchange: EmulatedExchange) => unknown)[] = [
      (exchange) => exchange.finish(),
      (exchange) => exchange.reset(),
      (exchange) => exchange.raw(half).then(exchange.finish),
    ]
    for (const cut of cuts) {
      answer = (exchange) => void cut(exchange)
      expect(await thrownBy(open())).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
    }
    await isGone()
  })

  test('with a closed port is unreachable', async () => {
    const gone = await emulateHttp(() => undefined)
    await gone.close()
    expect(await thrownBy(open({}, undefined, gone.origin))).toMatchObject({
      reason: 'upstream-failed',
      code: 'upstream_unreachable',
    })
  })

  test('with an invalid answer is a bad response', async () => {
    const heads = [
      'HTTP/1.1 101 Emulated\r\nsec-websocket-accept: wrong\r\n\r\n',
      'SSH-2.0-Emulated\r\n\r\n',
      'HTTP/1.1 101 Emulated\r\nno header\r\n\r\n',
      'x'.repeat(70_000),
    ]
    for (const head of heads) {
      answer = (exchange) => void exchange.raw(head)
      expect(await thrownBy(open())).toMatchObject({ reason: 'upstream-failed', code: 'upstream_bad_response' })
    }
    await isGone()
  })

  test('that is refused with Retry-After passes on the time to wait', async () => {
    answer = (exchange) => exchange.reply(429, '', { 'retry-after': '7' })
    expect(await thrownBy(open())).toMatchObject({ reason: 'rate-limited', retryAfterMs: 7_000 })
    await isGone()
  })

  test('that is answered with a challenge of any status is a challenge', async () => {
    for (const status of [403, 429, 503]) {
      answer = (exchange) =>
        exchange.reply(status, '<html>', { 'cf-mitigated': 'challenge', 'content-type': 'text/html' })
      expect(await thrownBy(open())).toMatchObject({ reason: 'challenged', upstreamStatus: status })
    }
    await isGone()
  })

  test('without an answer ends at its deadline', async () => {
    answer = () => undefined
    expect(await thrownBy(open({ connectMs: 50 }))).toMatchObject({
      reason: 'timeout',
      code: 'upstream_connect_timeout',
    })
    await isGone()
  })
})

describe('a close frame', () => {
  const table = [
    [1000, 'upstream-failed', 'upstream_disconnected'],
    [1001, 'upstream-failed', 'upstream_disconnected'],
    [1008, 'account-refused', 'upstream_auth_expired'],
    [1011, 'upstream-failed', 'upstream_disconnected'],
    [1012, 'upstream-failed', 'upstream_disconnected'],
    [1013, 'overloaded', 'upstream_overloaded'],
    [4000, 'upstream-failed', 'upstream_disconnected'],
    [4401, 'account-refused', 'upstream_auth_expired'],
  ] as const
  for (const [status, reason, code] of table) {
    test(`with ${status} is ${reason}, after the messages before it`, async () => {
      answer = accept(async (socket) => {
        await socket.send('before')
        socket.close(status, 'secret words')
      })
      const { read, thrown } = await readAll((await open()).messages)
      expect(read).toEqual(['before'])
      expect(thrown).toMatchObject({ reason, code })
      expect(String(thrown)).not.toContain('secret words')
      await isGone()
    })
  }

  for (const ending of ['finish', 'reset'] as const) {
    test(`that is missing before a ${ending} is a disconnect`, async () => {
      answer = accept(async (socket) => {
        await socket.send('before')
        // a reset discards bytes that are not read yet
        await Bun.sleep(20)
        socket[ending]()
      })
      const { read, thrown } = await readAll((await open()).messages)
      expect({ read, thrown }).toMatchObject({ read: ['before'], thrown: { code: 'upstream_disconnected' } })
      await isGone()
    })
  }

  const faults: Readonly<Record<string, readonly [code: number, ...bytes: number[]]>> = {
    'no UTF-8': [1007, 0x81, 2, 0xff, 0xfe],
    'a masked frame': [1002, 0x81, 0x82, 1, 2, 3, 4, 5, 6],
    'an opcode that is reserved': [1002, 0x83, 0],
    'a reserved bit': [1002, 0xc1, 1, 0x61],
    'a message within a message': [1002, 0x01, 1, 0x61, 0x81, 1, 0x62],
    'a continuation without a message': [1002, 0x80, 1, 0x61],
    'a ping in parts': [1002, 0x09, 1, 0x61],
    'a ping that is too long': [1002, 0x89, 126, 0, 126],
    'a length that is too long, before any of it has come': [1009, 0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0],
  }
  for (const [name, [code, ...bytes]] of Object.entries(faults)) {
    test(`for ${name} comes from our side`, async () => {
      answer = accept((socket) => socket.raw(new Uint8Array(bytes)))
      const { read, thrown } = await readAll((await open()).messages)
      expect(read).toEqual([])
      expect(thrown).toMatchObject({ code: code === 1009 ? 'upstream_response_too_large' : 'upstream_disconnected' })
      await isGone()
      expect(sockets[0]?.closeCode()).toBe(code)
    })
  }
})

describe('a peer that is half-dead', () => {
  test('is noticed by the pong that does not come', async () => {
    answer = accept(async (socket) => {
      await socket.send('before')
      socket.stall()
    })
    const connection = await open({ pingMs: 40 })
    const { read, thrown } = await within(readAll(connection.messages), 20_000, 'it is noticed')
    expect(read).toEqual(['before'])
    expect(thrown).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
    await isGone()
  })

  test('counts as alive while a long frame arrives, although its pong must wait for the end of that frame', async () => {
    const text = 'a'.repeat(8)
    answer = accept(async (socket) => {
      // one byte between two pings, so the frame takes about ten times as long as a peer may be silent
      for (const byte of frame(text)) {
        const pings = socket.pings()
        await socket.raw(Buffer.from([byte]))
        await until(() => socket.pings() > pings, 20_000, 'the next ping')
      }
      socket.finish()
    })
    const connection = await open({ pingMs: 60 })
    expect(await readAll(connection.messages)).toMatchObject({ read: [text] })
  })

  test('is not a peer that answers pings but sends no messages', async () => {
    const connection = await open({ pingMs: 10 })
    await until(() => (sockets[0]?.pings() ?? 0) > 10, 20_000, 'it was pinged and has answered')
    connection.send('still there?')
    for await (const message of connection.messages) {
      expect(message).toBe('You said: still there?')
      break
    }
    const pings = sockets[0]?.pings()
    await isGone()
    expect(sockets[0]?.pings()).toBe(pings)
  })
})

describe('an abort', () => {
  test('before the handshake opens no connection', async () => {
    const before = emulator.requests.length
    expect(await thrownBy(open({}, aborted(left)))).toBe(left)
    expect(emulator.requests.length).toBe(before)
  })

  test('within the handshake closes at once', async () => {
    answer = () => undefined
    const controller = newCancel()
    const opening = thrownBy(open({}, controller))
    await until(() => emulator.openConnections() === 1, 20_000, 'it has arrived')
    controller.abort(left)
    expect(await within(opening, 50, 'the opening is over')).toBe(left)
    await until(() => emulator.openConnections() === 0, 50, 'the connection is gone')
    expect(controller.followers).toBe(0)
  })

  for (const [name, isStalled] of [
    ['of a silent connection', false],
    ['of a half-dead one', true],
  ] as const) {
    test(`${name} closes at once`, async () => {
      const controller = newCancel()
      const connection = await open({}, controller)
      if (isStalled) sockets[0]?.stall()
      const reading = readAll(connection.messages)
      controller.abort(left)
      expect(await within(reading, 50, 'the reading is over')).toEqual({ read: [], thrown: left })
      await until(() => emulator.openConnections() === 0, 50, 'the connection is gone')
      expect(controller.followers).toBe(0)
    })
  }
})

describe('a flood', () => {
  const mebibyte = 2 ** 20
  /** Thousands of messages. */
  const floods = times(100, 1_000)

  test('of messages waits for its reader, and continues when it reads', async () => {
    const message = frame('x'.repeat(mebibyte))
    let written = 0
    answer = accept(async (socket) => {
      for (; socket.isOpen(); written++) await socket.raw(message)
    })
    const connection = await open()
    const paused = await untilStill(() => written, 100, 10_000)
    // so many fit into the buffers of both sockets, which the system may let grow
    expect(paused).toBeLessThan(48)
    let read = 0
    for await (const text of connection.messages) {
      expect(text.length).toBe(mebibyte)
      if (++read > 2 * paused + 10) break
    }
    await isGone()
  })

  test('of empty messages waits for its reader too', async () => {
    const thousand = Buffer.concat(Array.from({ length: 1_000 }, () => frame('')))
    let written = 0
    answer = accept(async (socket) => {
      for (; socket.isOpen() && written < floods; written++) await socket.raw(thousand)
      await socket.send('last')
    })
    let read = 0
    for await (const text of (await open()).messages) {
      read++
      if (text === 'last') break
    }
    expect(read).toBe(floods * 1_000 + 1)
    await isGone()
  })

  test('of empty fragments of one message is refused with 1009', async () => {
    const thousand = Buffer.concat(Array.from({ length: 1_000 }, () => frame('', { opcode: 0, isLast: false })))
    answer = accept(async (socket) => {
      await socket.raw(frame('', { isLast: false }))
      for (let at = 0; socket.isOpen() && at < 200; at++) await socket.raw(thousand)
    })
    const { thrown } = await readAll((await open()).messages)
    expect(thrown).toMatchObject({ code: 'upstream_response_too_large' })
    await isGone()
  })

  test('of pings from a peer that does not read is answered only up to a limit', async () => {
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame('x'.repeat(125), { opcode: opcodes.ping })))
    let heard = 0
    const { url, peer, close } = await deafPeer(async (socket) => {
      for (let at = 0; at < 400; at++) if (!socket.write(pings)) await once(socket, 'drain')
      socket.write(frame('last'))
    })
    const connection = await open({}, undefined, url)
    for await (const text of connection.messages) {
      expect(text).toBe('last')
      const socket = await peer
      socket.on('data', ({ length }) => {
        heard += length
      })
      socket.resume()
      await untilStill(() => heard, 200, 10_000)
      break
    }
    // of 52 MB of pongs, only those are sent that fit into the buffers of both sockets
    expect(heard).toBeLessThan(26_000_000)
    close()
  })

  test('in one message is refused with 1009', async () => {
    answer = accept((socket) => socket.raw(frame('x'.repeat(9 * mebibyte))))
    const connection = await open()
    expect(await readAll(connection.messages)).toMatchObject({
      read: [],
      thrown: { reason: 'upstream-failed', code: 'upstream_response_too_large' },
    })
    await isGone()
    expect(sockets[0]?.closeCode()).toBe(1009)
  })

  test('in many messages is refused too, even if they are read fast', async () => {
    answer = accept(async (socket) => {
      for (let at = 0; at < 63; at++) await socket.raw(frame('x'.repeat(mebibyte)))
      await socket.raw(frame('x'.repeat(mebibyte - 2_000)))
      // the bytes over the limit come last, because with more bytes on the way a reset could discard our close frame
      await socket.raw(frame('x'.repeat(3_000)))
    })
    const { read, thrown } = await readAll((await open()).messages)
    expect(thrown).toMatchObject({ reason: 'upstream-outdated', code: 'upstream_response_too_large' })
    expect(read.length).toBeWithin(60, 65)
    await isGone()
    expect(sockets[0]?.closeCode()).toBe(1009)
  })

  test('in one message of many frames is refused too', async () => {
    answer = accept(async (socket) => {
      await socket.raw(frame('x'.repeat(600), { isLast: false }))
      await socket.raw(frame('x'.repeat(600), { opcode: opcodes.continuation }))
    })
    const connection = await open({ maxMessageBytes: 1_000 })
    expect((await readAll(connection.messages)).thrown).toMatchObject({ code: 'upstream_response_too_large' })
    await isGone()
    expect(sockets[0]?.closeCode()).toBe(1009)
  })
})

test('closed connections leave nothing behind', async () => {
  const cycles = times(150, 5_000)
  const signal = newCancel()
  const cycle = async () => {
    const connection = await open({}, signal)
    connection.send('hello')
    for await (const message of connection.messages) {
      expect(message).toBe('You said: hello')
      break
    }
  }
  const round = async () => {
    for (let at = 0; at < cycles; at++) await cycle()
    await isGone()
    return held()
  }
  let before = await round()
  // a leak grows in every round, but the process's own growth differs each time
  const growth: number[] = []
  for (let at = 0; at < 3; at++) {
    const after = await round()
    expect(signal.followers).toBe(0)
    expect(after.files).toBeLessThanOrEqual(before.files)
    expect(after.sockets - before.sockets).toBeLessThan(20)
    growth.push(after.bytes - before.bytes)
    before = after
  }
  // one kibibyte for each connection: reliability, section 1
  expect(Math.min(...growth)).toBeLessThan(cycles * 1_024 + noiseBytes)
})

/** Bytes by which the memory of the process grows without a leak. */
const noiseBytes = 16 * 2 ** 20

async function held() {
  sockets.length = 0
  await untilStill(() => emulator.openConnections(), 20, 2_000)
  Bun.gc(true)
  return {
    bytes: process.memoryUsage.rss(),
    sockets: heapStats().objectTypeCounts.Socket ?? 0,
    files: [...new Bun.Glob('*').scanSync({ cwd: '/proc/self/fd', onlyFiles: false })].length,
  }
}
