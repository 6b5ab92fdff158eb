import { afterEach, describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { until } from '../../test/waiting.ts'
import type { BodySink, BodyWriter } from '../flow/network.ts'
import { writtenBody } from './written-body.ts'

const closings: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})

/** Serves one body, and connects a client that asks for it. */
function serve(writer: Partial<BodyWriter>, { isPaused = false } = {}) {
  const seen = { left: 0, text: '', isClosed: false }
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => new Response(writtenBody({ start: writer.start ?? (() => undefined), left: () => seen.left++ })),
  })
  const socket = connect({ host: '127.0.0.1', port: server.port ?? 0 })
  socket.on('data', (bytes) => {
    seen.text += bytes.toString()
  })
  socket.on('close', () => {
    seen.isClosed = true
  })
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  if (isPaused) socket.pause()
  closings.push(
    () => socket.destroy(),
    () => server.stop(true),
  )
  return { server, seen, socket }
}

/** Writes until the client's socket is full. Returns how many characters were written, and what must be waited for. */
function fill(sink: BodySink): { length: number; taken: Promise<unknown> } {
  const piece = 'x'.repeat(65_536)
  for (let length = piece.length; length < 256 * 1024 * 1024; length += piece.length) {
    const taken = sink.write(piece)
    if (taken) return { length, taken }
  }
  throw new Error('The socket is never full.')
}

describe('the body of a response', () => {
  test('is sent as it is written, without a wait', async () => {
    let sink: BodySink | undefined
    const { seen } = serve({
      start(opened) {
        sink = opened
        expect(opened.write('a漢')).toBeUndefined()
      },
    })
    await until(() => seen.text.includes('a漢'), 5_000, 'the first text')
    expect(sink?.write('b😀')).toBeUndefined()
    await until(() => seen.text.includes('b😀'), 5_000, 'the second text')
    sink?.end('c')
    await until(() => seen.text.endsWith('1\r\nc\r\n0\r\n\r\n'), 5_000, 'the end')
    expect(seen.left).toBe(0)
  })

  test('waits for a client that takes nothing, and then goes on', async () => {
    const filled = Promise.withResolvers<ReturnType<typeof fill> & { sink: BodySink }>()
    const { seen, socket } = serve({ start: (sink) => filled.resolve({ ...fill(sink), sink }) }, { isPaused: true })
    const { length, taken, sink } = await filled.promise
    let isTaken = false
    void taken.then(() => {
      isTaken = true
    })
    await Bun.sleep(0)
    expect(isTaken).toBe(false)
    socket.resume()
    await taken
    sink.end('end')
    await until(() => seen.text.endsWith('end\r\n0\r\n\r\n'), 5_000, 'the end')
    expect(seen.text.split('x').length - 1).toBe(length)
  })

  test('comes whole although the client is slow at its end', async () => {
    const ended = Promise.withResolvers<number>()
    const write = (sink: BodySink) => {
      const { length } = fill(sink)
      sink.end('end')
      ended.resolve(length)
    }
    const { seen, socket } = serve({ start: write }, { isPaused: true })
    const length = await ended.promise
    await Bun.sleep(0)
    socket.resume()
    await until(() => seen.text.endsWith('0\r\n\r\n'), 5_000, 'the end')
    expect(seen.text.split('x').length - 1).toBe(length)
    expect(seen.text).toContain('end\r\n')
  })

  const leaving: Readonly<Record<string, (socket: Socket) => unknown>> = {
    closes: (socket) => socket.end(),
    resets: (socket) => socket.resetAndDestroy(),
  }
  for (const [how, leave] of Object.entries(leaving))
    for (const isFull of [false, true])
      test(`reports a client that ${how} its connection, ${isFull ? 'while its socket is full' : 'while nothing is written'}`, async () => {
        const started = Promise.withResolvers<void>()
        const start = (sink: BodySink) => {
          if (isFull) fill(sink)
          else void sink.write('a')
          started.resolve()
        }
        const { server, seen, socket } = serve({ start }, { isPaused: isFull })
        await started.promise
        leave(socket)
        await until(() => seen.left === 1, 5_000, 'the client has left')
        await until(() => server.pendingRequests === 0, 5_000, 'the request is over')
        expect(seen.left).toBe(1)
      })

  test('is cut, not ended, if it fails', async () => {
    const opened = Promise.withResolvers<BodySink>()
    const { seen } = serve({
      start(sink) {
        sink.write('a')
        opened.resolve(sink)
      },
    })
    await until(() => seen.text.endsWith('a\r\n'), 5_000, 'the first text')
    const sink = await opened.promise
    sink.fail(new Error('The client is given up.'))
    await until(() => seen.isClosed, 5_000, 'the connection is closed')
    expect(seen.text).not.toContain('0\r\n\r\n')
  })
})
