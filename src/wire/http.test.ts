import { afterEach, expect, test } from 'bun:test'
import { constants, crc32, createDeflateRaw, gzipSync } from 'node:zlib'
import { openBlackHole } from '../../test/black-hole.ts'
import { measureBelow, until } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from './emulator/http.ts'
import { send } from './http.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'
import { refusal } from './http-status.ts'
import { aborted, newCancel } from './machine.double.ts'

const opened: (() => unknown)[] = []
/** A server of a network in memory. */
const inMemory = 'http://upstream.test'

afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

async function emulated(answer: (exchange: EmulatedExchange) => void | Promise<void>): Promise<HttpEmulator> {
  const emulator = await emulateHttp(answer)
  opened.push(() => emulator.close())
  return emulator
}

const quiet = () => newCancel()
const get = (url: string, signal = quiet(), limits: HttpLimits = {}) =>
  send({ method: 'GET', url, headers: {}, limits }, signal)
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  )
const listeners = (signal: CancelSource) => signal.followers

const letGo = (emulator: HttpEmulator, kept = 0) =>
  until(() => emulator.openConnections() <= kept, 4_000, 'the upstream connection is closed')

/** Expects that the connection closes within 50 ms after the abort (P3). */
async function closesAtOnce(exchange: EmulatedExchange): Promise<void> {
  let isClosed = false
  void exchange.closed.then(() => {
    isClosed = true
  })
  await until(() => isClosed, 50, 'the upstream connection is closed')
}

async function reads(reply: HttpReply): Promise<string> {
  return Buffer.concat(await Array.fromAsync(reply.body)).toString()
}

// --- what is sent, what comes back ---------------------------------------------------------------------------------

test('method, path, headers and body arrive unchanged, and the request does not ask for compression', async () => {
  const emulator = await emulated((exchange) => exchange.reply(201, 'ok', { 'x-a': 'b' }))
  const reply = await send(
    { method: 'POST', url: `${emulator.origin}/p?q=1`, headers: { 'x-c': 'd' }, body: '{"é":1}' },
    quiet(),
  )
  expect([reply.status, reply.headers.get('x-a'), await reads(reply)]).toEqual([201, 'b', 'ok'])
  const [request] = emulator.requests
  expect(request).toMatchObject({ method: 'POST', path: '/p?q=1', body: '{"é":1}' })
  expect(request?.headers.get('x-c')).toBe('d')
  expect(request?.headers.get('accept-encoding')).toBe('identity')
})

test('a body in pieces is sent as one body, with its total length', async () => {
  const emulator = await emulated((exchange) => exchange.reply(200, 'ok'))
  const pieces = Array.from({ length: 60 }, (_, at) => new Uint8Array(100_000).fill(0x61 + (at % 26)))
  for (const _ of ['a new connection', 'a kept one']) {
    const reply = await send({ method: 'POST', url: emulator.origin, headers: {}, body: pieces }, quiet())
    expect(await reads(reply)).toBe('ok')
    const request = emulator.requests.at(-1)
    expect(request?.headers.get('content-length')).toBe('6000000')
    expect(request?.body === Buffer.concat(pieces).toString()).toBe(true)
  }
})

test('each piece of a reply’s body comes as soon as it is sent', async () => {
  const more = Promise.withResolvers<void>()
  const emulator = await emulated(async (exchange) => {
    exchange.head(200)
    await exchange.chunk('a')
    await more.promise
    await exchange.chunk('b')
    exchange.end()
  })
  const reply = await get(emulator.origin)
  const seen: string[] = []
  for await (const bytes of reply.body) {
    seen.push(Buffer.from(bytes).toString())
    more.resolve()
  }
  expect(seen).toEqual(['a', 'b'])
})

test('a connection is reused after its body is read, even if the reader stops before the end', async () => {
  const emulator = await emulated(async (exchange) => {
    exchange.head(200)
    await exchange.chunk('data: [DONE]\n\n')
    exchange.end()
  })
  for (let at = 0; at < 5; at++) {
    await reads(await get(emulator.origin))
  }
  for (let at = 0; at < 5; at++) {
    for await (const bytes of (await get(emulator.origin)).body) if (bytes.length > 0) break
    // the event loop reads the rest in these turns
    for (let turn = 0; turn < 25; turn++) await Bun.sleep(1)
  }
  expect(emulator.requests).toHaveLength(10)
  expect(emulator.acceptedConnections()).toBe(1)
})

test('a body without a reader is closed, even if it never ends', async () => {
  for (const leave of ['discard', 'break'] as const) {
    const emulator = await emulated(async (exchange) => {
      exchange.head(200)
      await exchange.chunk('a')
    })
    const controller = newCancel()
    const reply = await get(emulator.origin, controller)
    if (leave === 'discard') reply.discard()
    else for await (const _ of reply.body) break
    await letGo(emulator)
    expect(listeners(controller)).toBe(0)
  }
})

// --- addresses ---------------------------------------------------------------------------------------------------

for (const url of [
  'file:///etc/hostname',
  'data:text/plain,hello',
  's3://bucket/key',
  'ftp://127.0.0.1/',
  'blob:nodedata:1',
  'http+unix://x/',
  'ws://127.0.0.1/',
  'javascript:1',
  'no url',
  '',
]) {
  test(`item 2: ${url || 'an empty address'} is refused, and nothing is opened`, async () => {
    expect(await failureOf(get(url))).toMatchObject({ reason: 'upstream-outdated', code: 'upstream_unreachable' })
  })
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`item 4: a ${status} is not followed: upstream_redirect`, async () => {
    const target = await emulated((exchange) => exchange.reply(200, 'stolen'))
    const emulator = await emulated((exchange) =>
      exchange.reply(status, '<html>moved', { location: `${target.origin}/`, 'content-type': 'text/html' }),
    )
    const reply = await get(emulator.origin)
    expect(reply.status).toBe(status)
    expect(await refusal(reply, () => ({}))).toMatchObject({ code: 'upstream_redirect', upstreamStatus: status })
    expect(target.requests).toHaveLength(0)
  })
}

// --- faults of the connection ------------------------------------------------------------------------------------

async function closedPort(): Promise<string> {
  const emulator = await emulateHttp(() => undefined)
  await emulator.close()
  return emulator.origin
}

test('a refused connection is upstream_unreachable', async () => {
  const error = await failureOf(get(await closedPort()))
  expect(error).toMatchObject({ reason: 'upstream-failed', code: 'upstream_unreachable' })
})

for (const end of ['finish', 'reset'] as const) {
  test(`a connection that ends with ${end} before the head is upstream_disconnected`, async () => {
    const emulator = await emulated((exchange) => exchange[end]())
    const error = await failureOf(send({ method: 'POST', url: emulator.origin, headers: {}, body: '{}' }, quiet()))
    expect(error).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
    expect(emulator.requests).toHaveLength(1)
  })

  test(`a connection that ends with ${end} within the head is upstream_disconnected`, async () => {
    const emulator = await emulated(async (exchange) => {
      await exchange.raw('HTTP/1.1 200 OK\r\ncontent-')
      exchange[end]()
    })
    const error = await failureOf(send({ method: 'POST', url: emulator.origin, headers: {}, body: '{}' }, quiet()))
    expect(error).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
  })

  test(`P1: a chunked or counted body that ends with ${end} is cut, not ended`, async () => {
    for (const head of ['transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'content-length: 10\r\n\r\nabc']) {
      const replied = Promise.withResolvers<void>()
      const emulator = await emulated(async (exchange) => {
        await exchange.raw(`HTTP/1.1 200 OK\r\n${head}`)
        await replied.promise
        exchange[end]()
      })
      const controller = newCancel()
      const reply = await get(emulator.origin, controller)
      replied.resolve()
      expect(await failureOf(reads(reply))).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
      expect(listeners(controller)).toBe(0)
    }
  })
}

test('a reply that is not HTTP is a failure of the upstream', async () => {
  const emulator = await emulated(async (exchange) => {
    await exchange.raw('SSH-2.0-OpenSSH_9.2\r\n\r\n')
    exchange.finish()
  })
  expect(await failureOf(get(emulator.origin))).toMatchObject({ reason: 'upstream-failed' })
})

// --- deadlines ---------------------------------------------------------------------------------------------------

async function blackHole(): Promise<string> {
  const hole = await openBlackHole()
  opened.push(() => hole[Symbol.asyncDispose]())
  return hole.origin
}

test('P5: a black hole ends the call within the connect limit: upstream_connect_timeout', async () => {
  const url = await blackHole()
  const controller = newCancel()
  await measureBelow(1_250, 'milliseconds to give it up', async () => {
    const startedAt = performance.now()
    const error = await failureOf(get(url, controller, { connectMs: 250 }))
    const ms = performance.now() - startedAt
    expect(error).toMatchObject({ reason: 'timeout', code: 'upstream_connect_timeout' })
    expect(ms).toBeGreaterThanOrEqual(245)
    return ms
  })
  expect(listeners(controller)).toBe(0)
})

test('the connect limit counts the look-up of the name too', async () => {
  const runtime = new ManualRuntime()
  const { timers, network } = runtime
  network.lookUp = () => new Promise(() => undefined)
  const signal = new CancelSource(runtime)
  const failure = failureOf(get('http://silent.test/', signal, { connectMs: 400 }))
  await runtime.advance(399)
  expect([timers.size, signal.followers]).toEqual([1, 1])
  await runtime.advance(10)
  expect(await failure).toMatchObject({ reason: 'timeout', code: 'upstream_connect_timeout' })
  expect([timers.size, signal.followers, network.attempts]).toEqual([0, 0, 0])
})

test('a slow server that accepts the connection does not count as a black hole', async () => {
  const runtime = new ManualRuntime()
  const asked = Promise.withResolvers<EmulatedExchange>()
  runtime.network.answerAt(inMemory, (exchange) => asked.resolve(exchange))
  const reply = get(inMemory, new CancelSource(runtime), { connectMs: 400 })
  const exchange = await asked.promise
  await runtime.advance(600)
  exchange.reply(200, 'late')
  expect(await reads(await reply)).toBe('late')
})

test('P5: silence before the head ends the call at the limit, and not earlier', async () => {
  const runtime = new ManualRuntime()
  runtime.network.answerAt(inMemory, () => undefined)
  const signal = new CancelSource(runtime)
  let failure: unknown
  void failureOf(get(inMemory, signal, { headMs: 60 })).then((thrown) => {
    failure = thrown
  })
  await runtime.advance(59)
  expect(failure).toBeUndefined()
  // a watchdog reads the sockets once more before it reports silence
  await runtime.advance(10)
  expect(failure).toMatchObject({ reason: 'timeout', code: 'upstream_timeout' })
  expect([runtime.network.openConnections, listeners(signal)]).toEqual([0, 0])
})

/** Sends `pieces` of a body and is then silent. */
function piecesOf(runtime: ManualRuntime, ...pieces: readonly string[]): void {
  runtime.network.answerAt(inMemory, async (exchange) => {
    exchange.head(200)
    for (const piece of pieces) await exchange.chunk(piece)
  })
}

test('P5: silence within the body ends the call at the limit, and the connection is closed', async () => {
  const runtime = new ManualRuntime()
  piecesOf(runtime, 'a')
  const reply = await get(inMemory, new CancelSource(runtime), { idleMs: 50 })
  const failure = failureOf(reads(reply))
  await runtime.advance(60)
  expect(await failure).toMatchObject({ reason: 'timeout' })
  expect(runtime.network.openConnections).toBe(0)
})

test('a limit of silence that is set within the body applies from then on', async () => {
  const runtime = new ManualRuntime()
  piecesOf(runtime, 'a')
  const reply = await get(inMemory, new CancelSource(runtime))
  const reading = (async () => {
    for await (const _ of reply.body) reply.limitIdle(30)
  })()
  const failure = failureOf(reading)
  await runtime.advance(40)
  expect(await failure).toMatchObject({ reason: 'timeout' })
  expect(runtime.network.openConnections).toBe(0)
})

test('the time of a slow reader does not count as silence of the upstream', async () => {
  const runtime = new ManualRuntime()
  runtime.network.answerAt(inMemory, async (exchange) => {
    exchange.head(200)
    await exchange.chunk('a')
    await exchange.chunk('b')
    exchange.end()
  })
  const reply = await get(inMemory, new CancelSource(runtime), { idleMs: 300 })
  let read = ''
  for await (const bytes of reply.body) {
    read += Buffer.from(bytes).toString()
    await runtime.advance(400)
  }
  expect(read).toBe('ab')
})

// --- abort -------------------------------------------------------------------------------------------------------

const left = new ChatError('cancelled', { message: 'The client left.' })

const windows: Readonly<Record<string, (exchange: EmulatedExchange) => void | Promise<void>>> = {
  'before the head': () => undefined,
  'within the head': (exchange) => exchange.raw('HTTP/1.1 200 OK\r\n'),
  'before the first byte': (exchange) => exchange.head(200),
  'mid-body': async (exchange) => {
    exchange.head(200)
    await exchange.chunk('a')
  },
}

for (const [name, answer] of Object.entries(windows)) {
  test(`P3: aborting ${name} closes the upstream within 50 ms, throws the reason and leaves nothing`, async () => {
    const asked = Promise.withResolvers<EmulatedExchange>()
    const emulator = await emulated(async (exchange) => {
      await answer(exchange)
      asked.resolve(exchange)
    })
    const controller = newCancel()
    const calling = failureOf(get(emulator.origin, controller).then(reads))
    const exchange = await asked.promise
    await Bun.sleep(5)
    controller.abort(left)
    await closesAtOnce(exchange)
    expect(await calling).toBe(left)
    await letGo(emulator)
    expect(listeners(controller)).toBe(0)
  })
}

test('P3: a call that is aborted before it begins opens no connection', async () => {
  const emulator = await emulated(() => undefined)
  expect(await failureOf(get(emulator.origin, aborted(left)))).toBe(left)
  expect(emulator.openConnections()).toBe(0)
  expect(emulator.requests).toHaveLength(0)
})

test('P3: aborting while no read is pending closes the upstream too', async () => {
  const asked = Promise.withResolvers<EmulatedExchange>()
  const emulator = await emulated(async (exchange) => {
    exchange.head(200)
    await exchange.chunk('a')
    asked.resolve(exchange)
  })
  const controller = newCancel()
  const reply = await get(emulator.origin, controller)
  for await (const _ of reply.body) {
    controller.abort(left)
    await closesAtOnce(await asked.promise)
    break
  }
})

test('an aborted call leaves no timer behind, so the process can end', async () => {
  const url = await blackHole()
  const script = `
    import { send } from '${import.meta.dir}/http.ts'
    import { newCancel } from '${import.meta.dir}/machine.double.ts'
    const controller = newCancel()
    // the probe begins after a fifth of the limit, and would run to its end
    setTimeout(() => controller.abort(new Error('left')), 700)
    await send({ method: 'GET', url: '${url}', headers: {}, limits: { connectMs: 3_000, headMs: 60_000 } },
      controller).catch(() => undefined)
  `
  await measureBelow(2_500, 'milliseconds until it ended', async () => {
    const startedAt = performance.now()
    const child = Bun.spawn([process.execPath, '-e', script], { timeout: 8_000 })
    expect(await child.exited).toBe(0)
    return performance.now() - startedAt
  })
}, 30_000)

// --- sizes -------------------------------------------------------------------------------------------------------

test('a body over its limit is upstream_response_too_large, and the connection is closed', async () => {
  const emulator = await emulated(async (exchange) => {
    exchange.head(200)
    for (let sent = 0; sent < 100; sent++) await exchange.chunk('x'.repeat(10_000))
    exchange.end()
  })
  const fits = await get(emulator.origin, quiet(), { maxBytes: 1_000_000 })
  expect(await reads(fits)).toHaveLength(1_000_000)
  const reply = await get(emulator.origin, quiet(), { maxBytes: 999_999 })
  expect(await failureOf(reads(reply))).toMatchObject({ code: 'upstream_response_too_large' })
  await letGo(emulator, 1)
})

test('text returns the whole body, up to its limit of bytes', async () => {
  const text = 'é🙂'.repeat(1_000)
  const emulator = await emulated((exchange) => exchange.reply(200, text))
  expect(await (await get(emulator.origin)).text(6_000)).toBe(text)
  expect(await failureOf((await get(emulator.origin)).text(5_999))).toMatchObject({
    code: 'upstream_response_too_large',
  })
})

/** A gzip of `megabytes` MB of zeros, made of the same compressed megabyte again and again. */
async function bombOf(megabytes: number): Promise<Uint8Array> {
  const deflate = createDeflateRaw({ level: 9 })
  const zeros = Buffer.alloc(2 ** 20)
  const parts: Buffer[] = []
  deflate.on('data', (part: Buffer) => parts.push(part))
  deflate.write(zeros)
  await new Promise<void>((resolve) => deflate.flush(constants.Z_FULL_FLUSH, resolve))
  const megabyte = Buffer.concat(parts)
  const header = gzipSync(Buffer.alloc(0)).subarray(0, 10)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(zeros))
  return Buffer.concat([header, ...Array.from({ length: megabytes }, () => megabyte), Buffer.from([3, 0]), trailer])
}

for (const head of ['counted', 'chunked'] as const) {
  test(`P16: a ${head} gzip bomb of 1 MB costs bounded memory: upstream_response_too_large`, async () => {
    const bomb = await bombOf(1_000)
    expect(bomb.length).toBeLessThan(1_100_000)
    const emulator = await emulated(async (exchange) => {
      const plain = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n'
      if (head === 'counted') await exchange.raw(`${plain}content-length: ${bomb.length}\r\n\r\n`)
      else await exchange.raw(`${plain}transfer-encoding: chunked\r\n\r\n${bomb.length.toString(16)}\r\n`)
      await exchange.raw(bomb)
      if (head === 'chunked') await exchange.raw('\r\n0\r\n\r\n')
    })
    // in its own process, so that memory of other tests does not count
    const script = `
      import { send } from '${import.meta.dir}/http.ts'
      import { newCancel } from '${import.meta.dir}/machine.double.ts'
      const before = process.memoryUsage.rss()
      let peak = before
      const reply = await send({ method: 'GET', url: '${emulator.origin}', headers: {} }, newCancel())
      try {
        for await (const _ of reply.body) peak = Math.max(peak, process.memoryUsage.rss())
      } catch (thrown) {
        peak = Math.max(peak, process.memoryUsage.rss())
        console.log(thrown.reason, thrown.code, (peak - before) / 2 ** 20)
      }
    `
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', timeout: 20_000 })
    const [reason, code, grownMb] = (await new Response(child.stdout).text()).split(' ')
    expect([reason, code]).toEqual(['upstream-outdated', 'upstream_response_too_large'])
    expect(Number(grownMb)).toBeLessThan(64)
    await letGo(emulator)
  }, 30_000)
}

test('P4: a reader that stops pauses the upstream, so the number of sent bytes stays bounded', async () => {
  const block = Buffer.alloc(2 ** 16, 'x')
  let sent = 0
  const emulator = await emulated(async (exchange) => {
    exchange.head(200)
    for (; sent < 200 * 2 ** 20; sent += block.length) await exchange.chunk(block)
    exchange.end()
  })
  const controller = newCancel()
  const reply = await get(emulator.origin, controller)
  for await (const _ of reply.body) {
    // the upstream is paused if it has sent nothing for a while
    for (let seen = -1; seen !== sent; await Bun.sleep(100)) seen = sent
    break
  }
  controller.abort(left)
  expect(sent).toBeLessThan(40 * 2 ** 20)
  await letGo(emulator)
})
