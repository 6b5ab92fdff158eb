import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { openAuthority } from '../../test/certificates.ts'
import { until } from '../../test/waiting.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from './emulator/http.ts'
import { send } from './http.ts'
import { newCancel } from './machine.double.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

async function emulated(answer: (exchange: EmulatedExchange) => void | Promise<void>): Promise<HttpEmulator> {
  const emulator = await emulateHttp(answer)
  opened.push(() => emulator.close())
  return emulator
}

const quiet = () => newCancel()
const get = (url: string, headers = {}) => send({ method: 'GET', url, headers }, quiet())
const post = (url: string, body = '{}') => send({ method: 'POST', url, headers: {}, body }, quiet())
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  )

describe('a kept connection', () => {
  /** A server that resets a connection at its second request, and records the connection of each request. */
  async function resettingServer() {
    const seen: number[] = []
    let connections = 0
    const server: Server = createServer((socket: Socket) => {
      const id = ++connections
      let asked = 0
      socket.on('error', () => undefined)
      socket.on('data', () => {
        seen.push(id)
        if (++asked > 1) socket.resetAndDestroy()
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    opened.push(() => server.close())
    const address = server.address()
    return { seen, url: `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}/` }
  }

  test('that breaks before any byte of the reply is replaced once for a GET', async () => {
    const { seen, url } = await resettingServer()
    for (let time = 0; time < 3; time++) expect(await (await get(url)).text()).toBe('ok')
    expect(seen).toEqual([1, 1, 2, 2, 3])
  })

  test('that breaks before any byte of the reply is not replaced for a POST, which may have arrived', async () => {
    const { seen, url } = await resettingServer()
    expect(await (await post(url)).text()).toBe('ok')
    expect(await failureOf(post(url))).toMatchObject({ code: 'upstream_disconnected' })
    expect(await (await post(url)).text()).toBe('ok')
    expect(seen).toEqual([1, 1, 2])
  })

  test('that breaks before any byte of the reply ends the others of its server too, which most likely restarts', async () => {
    const { seen, url } = await resettingServer()
    // three at once need three connections
    await Promise.all((await Promise.all([post(url), post(url), post(url)])).map((reply) => reply.text()))
    expect(await failureOf(post(url))).toMatchObject({ code: 'upstream_disconnected' })
    expect(await (await post(url)).text()).toBe('ok')
    expect(seen.at(-1)).toBe(4)
  })

  test('that breaks within a reply’s head is not replaced, because the server has seen the request', async () => {
    const emulator = await emulated(async (exchange) => {
      if (emulator.requests.length === 1) exchange.reply(200, 'ok')
      else {
        await exchange.raw('HTTP/1.1 2')
        exchange.reset()
      }
    })
    await (await post(emulator.origin)).text()
    expect(await failureOf(post(emulator.origin))).toMatchObject({ code: 'upstream_disconnected' })
    expect(emulator.requests).toHaveLength(2)
  })

  test('is closed if its server does not keep it, or sends more than its reply', async () => {
    for (const raw of [
      'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison',
      'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ]) {
      const emulator = await emulated((exchange) => exchange.raw(raw))
      for (let time = 0; time < 3; time++) expect(await (await get(emulator.origin)).text()).toBe('ok')
      await until(() => emulator.openConnections() === 0, 1_000, 'the connections are closed')
    }
  })

  test('is closed if the reply came before the whole request was sent', async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    opened.push(() => server.close())
    const address = server.address()
    const url = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}/`
    const long = 'x'.repeat(20_000_000)
    for (let time = 0; time < 2; time++) expect(await (await post(url, long)).text()).toBe('ok')
    expect(connections).toBe(2)
  })

  test('is closed by unexpected bytes, and they do not answer the next request', async () => {
    const closings: Promise<number>[] = []
    const emulator = await emulated(async (exchange) => {
      closings.push(exchange.closed)
      exchange.reply(200, 'ok')
      if (closings.length > 1) return
      await Bun.sleep(20)
      await exchange.raw('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison')
    })
    expect(await (await get(emulator.origin)).text()).toBe('ok')
    // this waits for the closing, because bytes that come after the next request look like its reply
    await closings[0]
    expect(await (await get(emulator.origin)).text()).toBe('ok')
  })

  test('does not keep the process running', async () => {
    const emulator = await emulated((exchange) => exchange.reply(200, 'ok'))
    const script = `
      import { send } from '${import.meta.dir}/http.ts'
      import { newCancel } from '${import.meta.dir}/machine.double.ts'
      const reply = await send({ method: 'GET', url: '${emulator.origin}', headers: {} }, newCancel())
      console.log(await reply.text())`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', timeout: 14_000 })
    expect([await new Response(child.stdout).text(), await child.exited]).toEqual(['ok\n', 0])
  }, 30_000)
})

test('a body of many megabytes arrives', async () => {
  const emulator = await emulated((exchange) => exchange.reply(200, String(exchange.request.body.length)))
  expect(await (await post(emulator.origin, 'é'.repeat(5_000_000))).text()).toBe('5000000')
  const early = await emulated(() => undefined)
  await early.close()
})

test('a user in the address becomes an Authorization header, and our own headers win', async () => {
  const emulator = await emulated((exchange) => exchange.reply(200, 'ok'))
  const url = emulator.origin.replace('//', '//us%40er:pass@')
  await (
    await get(url, { Host: 'evil', 'Content-Length': '5', 'Transfer-Encoding': 'chunked', Connection: 'x' })
  ).text()
  const headers = emulator.requests[0]?.headers
  expect(headers?.get('authorization')).toBe(`Basic ${btoa('us@er:pass')}`)
  expect([headers?.get('host'), headers?.get('content-length'), headers?.get('transfer-encoding')]).toEqual([
    new URL(emulator.origin).host,
    null,
    null,
  ])
  await (await get(emulator.origin.replace('//', '//100%:pass@'))).text()
  expect(emulator.requests[1]?.headers.get('authorization')).toBe(`Basic ${btoa('100%:pass')}`)
  expect(await failureOf(get(emulator.origin, { 'x-a': 'b\r\nx-c: d' }))).toMatchObject({
    code: 'upstream_unreachable',
  })
})

describe('unrequested compression', () => {
  const text = 'Grüße '.repeat(50_000)
  const codings = {
    gzip: gzipSync,
    'X-GZIP': gzipSync,
    deflate: deflateSync,
    'deflate ': deflateRawSync,
    br: brotliCompressSync,
    'identity, br': brotliCompressSync,
    zstd: zstdCompressSync,
  }
  for (const [coding, compress] of Object.entries(codings)) {
    test(`${coding} by ${compress.name} is decoded, in a text, a stream and an error`, async () => {
      const bytes = compress(text)
      const emulator = await emulated(async (exchange) => {
        const { path } = exchange.request
        await exchange.raw(
          `HTTP/1.1 ${path.slice(1)} X\r\ncontent-encoding: ${coding}\r\ntransfer-encoding: chunked\r\n\r\n`,
        )
        for (let at = 0; at < bytes.length; at += 100) await exchange.chunk(bytes.subarray(at, at + 100))
        exchange.end()
      })
      for (const status of [200, 500]) expect(await (await get(`${emulator.origin}/${status}`)).text()).toBe(text)
      const reply = await get(`${emulator.origin}/200`)
      expect(Buffer.concat(await Array.fromAsync(reply.body)).toString()).toBe(text)
      expect(reply.headers.has('content-encoding')).toBe(false)
    })
  }

  for (const coding of ['identity', 'UTF-8', 'none', 'binary', 'identity, utf-8', ''])
    test(`"${coding}" does not count as compression`, async () => {
      const emulator = await emulated((exchange) => exchange.reply(200, text, { 'content-encoding': coding }))
      expect(await (await get(emulator.origin)).text()).toBe(text)
    })

  test('that is nested, unknown or invalid is refused, a cut is a disconnect, and an empty body is read', async () => {
    const reply = (coding: string, body: Uint8Array, length = body.length) =>
      emulated(async (exchange) => {
        await exchange.raw(`HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${length}\r\n\r\n`)
        await exchange.raw(body)
        if (length > body.length) exchange.finish()
      })
    const once = gzipSync(text)
    for (const [coding, body] of [
      ['gzip, gzip', gzipSync(once)],
      ['compress', once],
      ['gzip', Buffer.from('no gzip at all')],
      ['gzip', once.subarray(0, 300)],
    ] as const) {
      const { origin } = await reply(coding, body)
      const failure = await failureOf(get(origin).then((answer) => answer.text()))
      expect({ coding, failure }).toMatchObject({ coding, failure: { code: 'upstream_bad_response' } })
    }
    const { origin } = await reply('gzip', once.subarray(0, 300), once.length)
    expect(await failureOf(get(origin).then((answer) => answer.text()))).toMatchObject({
      code: 'upstream_disconnected',
    })
    const empty = await reply('gzip', Buffer.alloc(0))
    expect(await (await get(empty.origin)).text()).toBe('')
  })
})

// --- TLS ---------------------------------------------------------------------------------------------------------

describe('over TLS', () => {
  const authority = openAuthority('an authority')
  const certificates = {
    named: authority.certify('named', { dns: 'named.test' }),
    numbered: authority.certify('numbered', { ip: [127, 0, 0, 1] }),
  }
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-tls-'))
    await Bun.write(join(folder, 'ca.pem'), authority.certificate)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** Runs a process that asks a server with one of these certificates. `trusts`: whether it trusts their authority. */
  async function ask(
    url: (port: number) => string,
    name: keyof typeof certificates,
    { trusts = true, address = '' } = {},
  ): Promise<string> {
    let heard = ''
    const { key, certificate } = certificates[name]
    using server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      tls: { key, cert: certificate },
      socket: {
        data(socket, bytes) {
          heard += bytes.toString()
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        },
        error: () => undefined,
      },
    })
    const script = `
      import { send } from '${import.meta.dir}/http.ts'
      import { newCancel } from '${import.meta.dir}/machine.double.ts'
      const request = { method: 'GET', url: '${url(server.port)}', headers: { authorization: 'a secret' }, ${address && `address: '${address}'`} }
      await send(request, newCancel()).then((reply) => reply.text()).then(console.log, ({ code, message }) => console.log(code, message))
      process.exit()`
    const child = Bun.spawn([process.execPath, '-e', script], {
      env: { PATH: process.env.PATH ?? '', ...(trusts && { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }) },
      stdout: 'pipe',
      timeout: 20_000,
    })
    const said = (await new Response(child.stdout).text()).trim()
    if (said !== 'ok') expect(heard).toBe('')
    else expect(heard).toContain(`\r\nHost: ${new URL(url(server.port)).host}\r\n`)
    return said
  }

  test('the certificate must have the name in the URL, even if the request gives an IP address', async () => {
    const address = '127.0.0.1'
    expect(await ask((port) => `https://named.test:${port}/`, 'named', { address })).toBe('ok')
    expect(await ask((port) => `https://other.test:${port}/`, 'named', { address })).toMatch(
      /^upstream_unreachable .*ALTNAME/,
    )
    expect(await ask((port) => `https://127.0.0.1:${port}/`, 'named')).toMatch(/^upstream_unreachable .*ALTNAME/)
    expect(await ask((port) => `https://127.0.0.1:${port}/`, 'numbered')).toBe('ok')
  }, 60_000)

  test('an untrusted authority is refused, and NODE_EXTRA_CA_CERTS adds trusted ones', async () => {
    expect(await ask((port) => `https://127.0.0.1:${port}/`, 'numbered', { trusts: false })).toMatch(
      /^upstream_unreachable/,
    )
  }, 60_000)
})
