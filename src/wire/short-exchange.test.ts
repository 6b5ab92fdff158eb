/** A POST over a kept connection gets the same reply as one over a new connection, however its bytes come. */
import { afterEach, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { until } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { type EmulatedExchange, emulateHttp } from './emulator/http.ts'
import { send } from './http.ts'
import type { HttpReply } from './http-reply.ts'
import { newCancel } from './machine.double.ts'

const origin = 'http://upstream.test'
const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

const post = (url: string, signal: CancelSource, body = '{}') =>
  send({ method: 'POST', url, headers: {}, body }, signal)
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  )

/** What a reader finds in a reply. */
async function contentOf(replied: Promise<HttpReply>) {
  try {
    const reply = await replied
    const body = Buffer.concat(await Array.fromAsync(reply.body)).toString('latin1')
    return { status: reply.status, headers: [...reply.headers], body }
  } catch (thrown) {
    return thrown instanceof ChatError ? { code: thrown.code } : { thrown }
  }
}

/** A server in memory whose replies are these bytes, in pieces of this size. The first reply only opens the connection. */
function serverOf(raw: string | Buffer, { size = Number.MAX_SAFE_INTEGER, ends = false } = {}) {
  const runtime = new ManualRuntime()
  let asked = 0
  let pieceBytes = Number.MAX_SAFE_INTEGER
  runtime.network.answerAt(
    origin,
    async (exchange) => {
      if (++asked === 1) return exchange.reply(200, 'first')
      pieceBytes = size
      await exchange.raw(raw)
      if (ends) exchange.finish()
    },
    { pieceBytes: () => pieceBytes },
  )
  return { runtime, signal: new CancelSource(runtime) }
}

const ok = 'HTTP/1.1 200 OK\r\n'
const compressed = gzipSync('hello')
/** A reply's bytes, and whether the server then ends the connection. */
const replies: Readonly<Record<string, readonly [raw: string | Buffer, ends?: boolean]>> = {
  'with a length': [`${ok}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello`],
  'without a body': ['HTTP/1.1 204 No\r\n\r\n'],
  'with a length of zero': [`${ok}content-length: 0\r\n\r\n`],
  'in chunks': [`${ok}transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`],
  'up to the end of the connection': [`${ok}x-a: b\r\n\r\nhello`, true],
  'after an interim one': [`HTTP/1.1 103 Early\r\n\r\n${ok}content-length: 5\r\n\r\nhello`],
  'that is a refusal': ['HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}'],
  'that is compressed': [
    Buffer.concat([
      Buffer.from(`${ok}content-encoding: gzip\r\ncontent-length: ${compressed.length}\r\n\r\n`),
      compressed,
    ]),
  ],
  'that is cut within its body': [`${ok}content-length: 5\r\n\r\nhell`, true],
  'that is cut within its head': [`${ok}content-`, true],
  'with two lengths': [`${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`],
  'with both lengths': [`${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello`],
  'that is not HTTP': ['SSH-2.0-OpenSSH_9.2\r\n\r\n', true],
}

describe('a reply over a kept connection is read as over a new one, at any split:', () => {
  for (const [name, [raw, ends = false]] of Object.entries(replies))
    test(name, async () => {
      const fresh = new ManualRuntime()
      fresh.network.answerAt(origin, async (exchange) => {
        await exchange.raw(raw)
        if (ends) exchange.finish()
      })
      const expected = await contentOf(post(origin, new CancelSource(fresh)))
      for (let size = 1; size <= raw.length; size++) {
        const { runtime, signal } = serverOf(raw, { size, ends })
        expect(await (await post(origin, signal)).text()).toBe('first')
        expect({ size, ...(await contentOf(post(origin, signal))) }).toEqual({ size, ...expected })
        expect([runtime.network.attempts, signal.followers]).toEqual([1, 0])
      }
    })
})

test('bytes after a reply close its connection, and no later request gets them', async () => {
  const reply = `${ok}content-length: 5\r\n\r\nhello`
  for (const size of [1, reply.length, 1_000]) {
    const { runtime, signal } = serverOf(`${reply}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`, { size })
    await (await post(origin, signal)).text()
    expect(await (await post(origin, signal)).text()).toBe('hello')
    await runtime.settle()
    expect(runtime.network.openConnections).toBe(0)
  }
})

test('a connection that breaks before the reply is not used for the POST again', async () => {
  const runtime = new ManualRuntime()
  let asked = 0
  runtime.network.answerAt(origin, (exchange) => (++asked === 1 ? exchange.reply(200, 'first') : exchange.reset()))
  const signal = new CancelSource(runtime)
  await (await post(origin, signal)).text()
  expect(await failureOf(post(origin, signal))).toMatchObject({
    code: 'upstream_disconnected',
    message: 'The upstream closed the connection before its reply.',
  })
  await runtime.settle()
  expect([asked, runtime.network.openConnections, signal.followers]).toEqual([2, 0, 0])
})

const left = new ChatError('cancelled', { message: 'The client left.' })

const windows: Readonly<Record<string, (exchange: EmulatedExchange) => void | Promise<void>>> = {
  'before the head': () => undefined,
  'within the head': (exchange) => exchange.raw(ok),
  'before the first byte': (exchange) => exchange.head(200),
  'within the body': (exchange) => exchange.raw(`${ok}content-length: 5\r\n\r\nhe`),
}

for (const [name, answer] of Object.entries(windows))
  test(`P3: aborting ${name} over a kept connection closes it within 50 ms and leaves nothing`, async () => {
    const asked = Promise.withResolvers<EmulatedExchange>()
    const emulator = await emulateHttp(async (exchange) => {
      if (emulator.requests.length === 1) return exchange.reply(200, 'first')
      await answer(exchange)
      asked.resolve(exchange)
    })
    opened.push(() => emulator.close())
    const signal = newCancel()
    await (await post(emulator.origin, signal)).text()
    const calling = failureOf(post(emulator.origin, signal).then((reply) => reply.text()))
    const exchange = await asked.promise
    let isClosed = false
    void exchange.closed.then(() => {
      isClosed = true
    })
    signal.abort(left)
    expect(await calling).toBe(left)
    await until(() => isClosed, 50, 'the upstream connection is closed')
    expect([emulator.acceptedConnections(), signal.followers]).toEqual([1, 0])
  })

test('a header that no request may have is refused, and the kept connection stays', async () => {
  const { runtime, signal } = serverOf(`${ok}content-length: 5\r\n\r\nhello`)
  await (await post(origin, signal)).text()
  for (const headers of [{ 'x-a': 'b\r\nx-c: d' }, { 'x a': 'b' }, { 'x-a': '\u0100' }, { 'x-a': 'b\0' }])
    expect(await failureOf(send({ method: 'POST', url: origin, headers, body: '' }, signal))).toMatchObject({
      reason: 'upstream-outdated',
    })
  expect(await (await post(origin, signal)).text()).toBe('hello')
  expect(runtime.network.attempts).toBe(1)
})
