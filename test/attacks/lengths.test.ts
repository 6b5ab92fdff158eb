/** Line 35: the gateway does not trust the lengths that a peer states. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { ChatError } from '../../src/chat/error.ts'
import { Secret } from '../../src/chat/secret.ts'
import { signUpAnonymously } from '../../src/sign-in/supabase.ts'
import { getJson } from '../../src/wire/get-json.ts'
import { newCancel } from '../../src/wire/machine.double.ts'
import { post } from '../chaos/chat-server-client.ts'
import { type Child, startChild } from '../chaos/child.ts'
import { request } from '../chaos/client.ts'
import { measureBelow } from '../waiting.ts'

const mebibyte = 2 ** 20
/** The most bytes that are sent: far more than the gateway may read. */
const maxSent = 1_024 * mebibyte
/** The bytes that the gateway may read of a whole reply (16 MiB) or a stream (64 MiB), with the kernel's buffers. */
const maxRead = 64 * mebibyte + 48 * mebibyte
/** The kernel's buffers only, because the body is not read. */
const maxUnread = 24 * mebibyte
/** The bytes by which the gateway's memory may grow. */
const maxGrowth = 160 * mebibyte

interface Lie {
  readonly head: string
  /** The bytes that the liar repeats. */
  readonly body: Buffer
  /** The gateway's error code for a reply that is not streamed. */
  readonly code: string
  readonly maxBytes: number
}

const text = Buffer.alloc(mebibyte, 'x')
const chunk = Buffer.concat([Buffer.from(`${mebibyte.toString(16)}\r\n`), text, Buffer.from('\r\n')])
const small = 'content-length: 10\r\n'
const chunked = 'transfer-encoding: chunked\r\n'
const bomb = gzipSync(Buffer.alloc(64 * mebibyte))

const lies: Readonly<Record<string, Lie>> = {
  'both lengths': { head: small + chunked, body: chunk, code: 'upstream_bad_response', maxBytes: maxUnread },
  'both lengths, in the other order': {
    head: chunked + small,
    body: chunk,
    code: 'upstream_bad_response',
    maxBytes: maxUnread,
  },
  'two lengths': {
    head: `${small}content-length: 20\r\n`,
    body: text,
    code: 'upstream_bad_response',
    maxBytes: maxUnread,
  },
  'a length that is too small': { head: small, body: text, code: 'upstream_bad_response', maxBytes: maxUnread },
  'a length that is huge': {
    head: `content-length: ${maxSent}\r\n`,
    body: text,
    code: 'upstream_response_too_large',
    maxBytes: maxRead,
  },
  'chunks without end': { head: chunked, body: chunk, code: 'upstream_response_too_large', maxBytes: maxRead },
  'no length': { head: '', body: text, code: 'upstream_response_too_large', maxBytes: maxRead },
  'compressed zeros': {
    head: `content-encoding: gzip\r\n${chunked}`,
    body: Buffer.concat([Buffer.from(`${bomb.length.toString(16)}\r\n`), bomb, Buffer.from('\r\n')]),
    code: 'upstream_response_too_large',
    maxBytes: maxRead,
  },
}

/** Starts an upstream that lies about its lengths and sends until its connection is closed. */
class Liar {
  lie: Lie | undefined
  status = 200
  type = 'application/json'
  /** Bytes of the longest reply that the system has accepted. */
  sent = 0
  readonly #sockets = new Set<Socket>()
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => void this.#answer(socket))
  })

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    return `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`
  }

  async #answer(socket: Socket): Promise<void> {
    const { lie } = this
    if (!lie) return
    socket.write(`HTTP/1.1 ${this.status} Liar\r\ncontent-type: ${this.type}\r\n${lie.head}\r\n`)
    for (let sent = 0; sent < maxSent && !socket.destroyed; sent += lie.body.length) {
      this.sent = Math.max(this.sent, sent)
      if (!socket.write(lie.body)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve))
    }
    socket.destroy()
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

const liars = Array.from({ length: 64 })
const liarAt = (at: number) => ({
  [`UPSTREAM_LIAR_${at}_URL`]: `${origin}/v1`,
  [`UPSTREAM_LIAR_${at}_MODELS`]: 'liar',
})

const liar = new Liar()
let origin: string
let child: Child

beforeAll(async () => {
  origin = await liar.listen()
  child = await startChild({
    HOST: '127.0.0.1',
    ...Object.assign({}, ...liars.map((_, at) => liarAt(at))),
    MODEL_CONFIG_HOSTS: new URL(origin).host,
  })
})
afterAll(async () => {
  liar.close()
  await child[Symbol.asyncDispose]()
})

/** Runs `ask`, and checks the bytes that the liar sent and the memory that the gateway used. */
async function costing(lie: Lie, ask: () => Promise<void>): Promise<void> {
  await measureBelow(maxGrowth, 'bytes of memory', async () => {
    liar.lie = lie
    liar.sent = 0
    const before = child.rss()
    let peak = before
    const look = setInterval(() => {
      peak = Math.max(peak, child.rss())
    }, 10)
    await ask().finally(() => clearInterval(look))
    expect(liar.sent).toBeLessThanOrEqual(lie.maxBytes)
    return Math.max(peak, child.rss()) - before
  })
}

let asked = 0
/** Each request goes to another upstream at the same address, because one that fails several times in a row is not asked any more. */
const chat = (stream: boolean) => request(child.url, { model: `liar-${asked++ % liars.length}/liar`, stream })

/** The requests to the liar, each with its expected result. */
const asks: Readonly<Record<string, (lie: Lie) => Promise<void>>> = {
  async 'a whole answer'({ code }) {
    expect(await (await chat(false)).text()).toContain(`"code":"${code}"`)
  },
  async 'a stream'() {
    expect(await (await chat(true)).text()).toMatch(/"code":"upstream_\w+"/)
  },
  async 'a refusal'() {
    liar.status = 500
    expect((await chat(false)).status).toBe(502)
  },
  async 'a caller’s own endpoint'() {
    const model_config = { base_url: `${origin}/v1`, api_key: 'sk-callers-0123456789', model_name: 'm' }
    const told = await post(child.url, { session_id: 'one', content: 'Hello', model_config })
    expect(await told.text()).toContain('"code":"endpoint_failed"')
  },
  async 'a list of models'() {
    const schema = { safeParse: () => ({ success: false as const }) }
    const asked = getJson({ url: origin, headers: {}, schema, readComplaint: () => ({}) }, newCancel())
    expect(await asked.catch((thrown: unknown) => thrown)).toBeInstanceOf(ChatError)
  },
  async 'a sign-in service'() {
    const project = { url: origin, anonKey: { name: 'the key', secret: new Secret('anon-0123456789') } }
    const asked = signUpAnonymously(project, newCancel())
    expect(await asked.catch((thrown: unknown) => thrown)).toBeInstanceOf(ChatError)
  },
}

for (const [name, lie] of Object.entries(lies)) {
  describe(name, () => {
    for (const [what, ask] of Object.entries(asks)) {
      test(`in ${what}`, async () => {
        liar.status = 200
        await costing(lie, () => ask(lie))
      }, 120_000)
    }
  })
}
