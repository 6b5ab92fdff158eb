import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { emulateHttp } from './emulator/http.ts'

/** Runs a process that asks `GET http://upstream.test/path` through this proxy, which answers in place of the upstream. */
async function throughProxy(
  reply: string | Uint8Array,
  filler = '',
): Promise<{ readonly said: string; readonly path: string; readonly sentMiB: number }> {
  let sent = 0
  const proxy = await emulateHttp(async (exchange) => {
    await exchange.raw(reply)
    while (filler !== '' && exchange.isOpen() && sent < 512 * 2 ** 20) {
      await exchange.raw(filler)
      sent += filler.length
    }
  })
  const script = `
    import { send } from '${import.meta.dir}/http.ts'
    import { CancelSource } from '${import.meta.dir}/../flow/cancel.ts'
    import { machine } from '${import.meta.dir}/machine.double.ts'
    import { throughProxy } from '${import.meta.dir}/machine-network.ts'
    const request = { method: 'GET', url: 'http://upstream.test/path', headers: {} }
    await send(request, new CancelSource(throughProxy(machine)))
      .then(async (reply) => console.log(reply.status, await reply.text()), (error) => console.log(error.code, error.message))
      .catch((error) => console.log(error.code, error.message))
    process.exit()`
  const child = Bun.spawn([process.execPath, '-e', script], {
    env: { PATH: process.env.PATH ?? '', HTTP_PROXY: proxy.origin },
    stdout: 'pipe',
    timeout: 20_000,
  })
  const said = (await new Response(child.stdout).text()).trim()
  const path = proxy.requests[0]?.path ?? ''
  await proxy.close()
  return { said, path, sentMiB: sent / 2 ** 20 }
}

describe('through an HTTP proxy', () => {
  test('a request reaches its upstream only through the proxy', async () => {
    const { said, path } = await throughProxy('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    expect([said, path]).toEqual(['200 ok', 'http://upstream.test/path'])
  }, 30_000)

  test('unrequested compression is decoded once', async () => {
    const body = gzipSync('hello')
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`
    expect((await throughProxy(Buffer.concat([Buffer.from(head), body]))).said).toBe('200 hello')
  }, 30_000)

  test('a reply with both length headers is refused, and no stated length is trusted', async () => {
    const chunk = `100000\r\n${'x'.repeat(2 ** 20)}\r\n`
    const lies = {
      'content-length: 10\r\ntransfer-encoding: chunked\r\n': 'upstream_bad_response',
      'transfer-encoding: chunked\r\n': 'upstream_response_too_large',
    }
    for (const [lie, code] of Object.entries(lies)) {
      const { said, sentMiB } = await throughProxy(`HTTP/1.1 200 OK\r\n${lie}\r\n`, chunk)
      expect(said).toStartWith(code)
      expect(sentMiB).toBeLessThan(128)
    }
  }, 60_000)
})
