/** The snippets for nginx and Caddy, with the real programs: streams go through as they come, an abort passes on, large bodies too. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type TestApp } from '../attacks/rig.ts'
import { until, within } from '../waiting.ts'

const patienceMs = 30_000
const deploy = join(import.meta.dir, '../../deploy')
const folder = mkdtempSync(join(tmpdir(), 'tributary-proxies-'))
const key = 'sk-proxies-0123456789abcdef'

/** Says when the next part of the stream may be sent, and whether the request was aborted. */
let gate = Promise.withResolvers<void>()
let aborted = 0
let longest = 0

const chunk = (content: string) =>
  `data: ${JSON.stringify({ id: 'a', object: 'chat.completion.chunk', created: 1, model: 'a', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`

const upstream = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    if (request.method === 'GET') return Response.json({ data: [{ id: 'a' }] })
    longest = Math.max(longest, (await request.arrayBuffer()).byteLength)
    request.signal.addEventListener('abort', () => aborted++)
    return new Response(
      async function* () {
        yield chunk('first')
        await gate.promise
        yield `${chunk('last')}${chunk('').replace('null', '"stop"')}data: [DONE]\n\n`
      },
      { headers: { 'content-type': 'text/event-stream' } },
    )
  },
})

let app: TestApp
beforeAll(() => {
  app = startApp({
    API_MASTER_KEY: key,
    TRUSTED_PROXIES: 'loopback',
    UPSTREAM_A_URL: `http://127.0.0.1:${upstream.port}/v1`,
    UPSTREAM_A_KEY: 'a-key-of-the-test',
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream.stop(true)
  rmSync(folder, { recursive: true, force: true })
})

function freePort(): number {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port = 0 } = server
  void server.stop(true)
  return port
}

/** The snippet, as it is, but with the ports of this test. */
async function snippet(name: string, listens: readonly [written: string, here: string]): Promise<string> {
  const text = await Bun.file(join(deploy, name)).text()
  for (const written of ['127.0.0.1:8000', listens[0]]) expect(text).toContain(written)
  return text.replace('127.0.0.1:8000', new URL(app.url).host).replace(listens[0], listens[1])
}

interface Proxy {
  readonly name: string
  /** The command, which stays in the foreground. */
  command(port: number): Promise<readonly string[]>
}

const proxies: readonly Proxy[] = [
  {
    name: 'nginx',
    async command(port) {
      const site = await snippet('nginx.conf', ['listen 80;', `listen 127.0.0.1:${port};`])
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (kind) => `${kind}_temp_path ${folder}/${kind};`,
      )
      const file = join(folder, 'nginx.conf')
      await Bun.write(
        file,
        `daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events {} http { access_log off; ${temporary.join(' ')}\n${site}}`,
      )
      return ['nginx', '-e', 'stderr', '-c', file]
    },
  },
  {
    name: 'caddy',
    async command(port) {
      const site = await snippet('Caddyfile', [':80 {', `http://127.0.0.1:${port} {`])
      const file = join(folder, 'Caddyfile')
      await Bun.write(file, `{\n\tadmin off\n\tauto_https off\n}\n${site}`)
      return ['caddy', 'run', '--adapter', 'caddyfile', '--config', file]
    },
  },
]

function ask(url: string, content: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'a/a', stream: true, messages: [{ role: 'user', content }] }),
    ...(signal && { signal }),
  })
}

/** Reads until the text has come. */
async function readTo(reader: Pick<ReadableStreamDefaultReader<Uint8Array>, 'read'>, text: string): Promise<void> {
  let read = ''
  while (!read.includes(text)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`it ended with ${read}`)
    read += Buffer.from(value).toString()
  }
}

for (const { name, command } of proxies)
  describe.skipIf(!process.env.CI && !Bun.which(name))(name, () => {
    const port = freePort()
    const url = `http://127.0.0.1:${port}`
    let proxy: Bun.Subprocess
    beforeAll(async () => {
      proxy = Bun.spawn([...(await command(port))], {
        env: { PATH: process.env.PATH ?? '', HOME: folder },
        stdio: ['ignore', 'ignore', 'ignore'],
      })
      await until(
        () =>
          fetch(`${url}/health`).then(
            (answer) => answer.ok,
            () => false,
          ),
        patienceMs,
        `${name} listens`,
      )
    })
    afterAll(async () => {
      proxy.kill('SIGTERM')
      await proxy.exited
    })

    test('gives the first part of a stream before the last one is made', async () => {
      gate = Promise.withResolvers()
      const reader = (await ask(url, 'Hello')).body?.getReader()
      if (!reader) throw new Error('no body')
      await within(readTo(reader, 'first'), patienceMs, 'the first part')
      gate.resolve()
      await within(readTo(reader, '[DONE]'), patienceMs, 'the end')
    })

    test('ends the request to the upstream when the client leaves', async () => {
      gate = Promise.withResolvers()
      const before = aborted
      const leaving = new AbortController()
      const reader = (await ask(url, 'Hello', leaving.signal)).body?.getReader()
      if (!reader) throw new Error('no body')
      await within(readTo(reader, 'first'), patienceMs, 'the first part')
      leaving.abort()
      await reader.closed.catch(() => undefined)
      // it is a matter of milliseconds; a proxy that keeps the request ends it much later
      await until(() => aborted > before, 5_000, 'the upstream notices')
      gate.resolve()
    })

    test('passes on a body of 20 MB', async () => {
      gate = Promise.withResolvers()
      gate.resolve()
      longest = 0
      const answer = await ask(url, 'a'.repeat(20_000_000))
      expect([answer.status, (await answer.text()).includes('[DONE]')]).toEqual([200, true])
      expect(longest).toBeGreaterThan(20_000_000)
    })
  })
