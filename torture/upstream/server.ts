import { createServer, type Server, type Socket } from 'node:net'
import { type Head, MessageReader } from '../http/message-reader.ts'
import { surfaceOfPath } from '../talk/surface.ts'
import { type Script, UpstreamExchange } from './exchange.ts'

/** Models that `GET /v1/models` names. The dialect that a request is asked in decides its answer, not its model. */
const models = ['torture', 'torture-chat', 'torture-responses', 'torture-messages']

/** A text in a prompt that names the script of its answer. */
const tokenPattern = /torture-token-[0-9a-z]+/g

/** What a request without a token gets, as a gateway's own probe of health. A real upstream refuses what says nothing. */
const plain: Script = async (exchange) => {
  const { messages, input = messages } = exchange.body ?? {}
  const isTalk = typeof input === 'string' || (Array.isArray(input) && input.every((turn) => !Array.isArray(turn)))
  if (isTalk)
    return await exchange.answer({ pieces: [{ text: 'Hello.' }], end: 'stop', usage: { input: 1, output: 1 } })
  await exchange.fail(400, {
    message: 'The request has no turns.',
    type: 'invalid_request_error',
    code: 'invalid_value',
  })
}

interface Scripted {
  readonly script: Script
  readonly exchanges: UpstreamExchange[]
}

/**
 * The upstream of the gateway under test. It speaks three dialects at one address, and answers each request with the script
 * whose token is in the prompt.
 */
export class Upstream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #scripts = new Map<string, Scripted>()
  readonly #changes = new Set<() => void>()
  #tokens = 0
  /** All requests with a body that it got. */
  asked = 0

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async open(port = 0, host = '127.0.0.1'): Promise<Upstream> {
    const upstream = new Upstream()
    const opened = Promise.withResolvers<void>()
    upstream.#server.once('error', opened.reject)
    upstream.#server.listen(port, host, opened.resolve)
    await opened.promise
    return upstream
  }

  get port(): number {
    const address = this.#server.address()
    if (!address || typeof address === 'string') throw new Error('the upstream is closed')
    return address.port
  }

  /** Connections that gateways hold open. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Adds a script. Its token must stand in the prompt. */
  script(script: Script): { readonly token: string; readonly exchanges: readonly UpstreamExchange[] } {
    const token = `torture-token-${(++this.#tokens).toString(36)}x${Math.random().toString(36).slice(2, 8)}`
    const exchanges: UpstreamExchange[] = []
    this.#scripts.set(token, { script, exchanges })
    return { token, exchanges }
  }

  /** Calls back at each request that arrives and each connection that opens or closes, until the returned function is called. */
  onChange(changed: () => void): () => void {
    this.#changes.add(changed)
    return () => this.#changes.delete(changed)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Breaks all connections, as a restart does. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  #changed(): void {
    for (const changed of [...this.#changes]) changed()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    this.#changed()
    let running: UpstreamExchange | undefined
    let head: Head | undefined
    let chunks: Buffer[] = []
    const reader = new MessageReader('request', {
      head: (read) => {
        head = read
        chunks = []
      },
      body: (bytes) => chunks.push(bytes),
      end: (isWhole) => {
        if (isWhole && head) running = this.#begin(socket, head, Buffer.concat(chunks).toString('utf8'))
      },
    })
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes)
      } catch {
        socket.destroy()
      }
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      running?.onClose()
      this.#changed()
    })
  }

  #begin(socket: Socket, head: Head, text: string): UpstreamExchange | undefined {
    const [method = '', path = ''] = head.start.split(' ')
    const surface = surfaceOfPath(path.split('?')[0] ?? '')
    if (method !== 'POST' || !surface) {
      socket.write(fixed(path))
      return undefined
    }
    this.asked++
    const token = text.match(tokenPattern)?.at(-1) ?? ''
    const scripted = this.#scripts.get(token) ?? { script: plain, exchanges: [] }
    const exchange = new UpstreamExchange(socket, { head, surface, text, attempt: scripted.exchanges.length })
    scripted.exchanges.push(exchange)
    this.#changed()
    // a script ends early where its connection is gone
    scripted.script(exchange).catch(() => socket.destroy())
    return exchange
  }
}

function fixed(path: string): string {
  const isList = path.split('?')[0]?.endsWith('/models')
  const data = models.map((id) => ({ id, object: 'model', created: 1_790_000_000, owned_by: 'torture' }))
  const body = JSON.stringify(isList ? { object: 'list', data } : { status: 'ok' })
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
