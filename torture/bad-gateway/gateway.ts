import { createServer, type Server, type Socket } from 'node:net'
import { type Head, MessageReader } from '../http/message-reader.ts'
import { upstreamDialects } from '../upstream/dialects.ts'
import { corsFields, defaultMaxBody, type Refusal, readBody, refusedHead, surfaceOf } from './door.ts'
import type { Fault } from './fault.ts'
import { Relay, type RelayPlace } from './relay.ts'
import { reply } from './reply.ts'

/** The key of its clients. */
export const key = 'sk-torture-client-0123456789'

/**
 * A small gateway that relays each surface to an upstream of the same dialect. Without a fault it passes all checks. With one it
 * does exactly one thing wrong, so that a test can show that the check for it fails.
 */
export class BadGateway implements RelayPlace {
  readonly key = key
  readonly upstreamPort: number
  readonly fault: Fault
  readonly answers = new Map<string, string>()
  held: RelayPlace['held'] = {}
  readonly leaked: unknown[] = []
  readonly running = new Set<Relay>()
  isBlocked = false
  asked = 0
  hasFailed = false
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(upstreamPort: number, fault: Fault) {
    this.upstreamPort = upstreamPort
    this.fault = fault
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async open(upstreamPort: number, fault: Fault = { name: 'none', turns: [] }): Promise<BadGateway> {
    const gateway = new BadGateway(upstreamPort, fault)
    await new Promise<void>((resolve) => gateway.#server.listen(0, '127.0.0.1', resolve))
    return gateway
  }

  get url(): string {
    const address = this.#server.address()
    if (!address || typeof address === 'string') throw new Error('the gateway is closed')
    return `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    for (const relay of this.running) relay.abort()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    const { switches = {} } = this.fault
    let head: Head | undefined
    let chunks: Buffer[] = []
    let size = 0
    let relay: Relay | undefined
    const refuse = (refusal: Refusal) => {
      socket.end(this.#refusal(head, refusal))
      head = undefined
    }
    const reader = new MessageReader('request', {
      head: (read) => {
        head = read
        chunks = []
        size = 0
        if (read.start.startsWith('OPTIONS ')) return
        const refusal = switches.isDead ? undefined : refusedHead(read, this.key, switches)
        if (refusal) refuse(refusal)
      },
      body: (bytes) => {
        chunks.push(bytes)
        size += bytes.length
        if (head && size > (switches.maxBody ?? defaultMaxBody))
          refuse({ status: 413, message: 'The body is too large.' })
      },
      end: (isWhole) => {
        if (isWhole && head) relay = this.#answer(socket, head, Buffer.concat(chunks).toString('utf8'))
      },
    })
    if (switches.silenceMs) socket.setTimeout(switches.silenceMs, () => socket.destroy())
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
      if (!switches.ignoresAbort) relay?.abort()
    })
  }

  #answer(socket: Socket, head: Head, text: string): Relay | undefined {
    const { switches = {} } = this.fault
    const cors = corsFields(head.fields, switches)
    if (head.start.startsWith('OPTIONS ')) {
      socket.write(reply(switches.refusesPreflights ? 401 : 204, '', { ...cors, 'access-control-allow-headers': '*' }))
      return undefined
    }
    if (switches.isDead) {
      socket.write(reply(200, '', { 'content-type': 'text/event-stream' }))
      return undefined
    }
    const surface = surfaceOf(head) ?? 'chat'
    const read = readBody(text, surface)
    if ('status' in read) {
      const refusal = switches.trustsBodies ? { status: 500, message: 'It failed.' } : read
      socket.write(this.#refusal(head, refusal))
      if (switches.dropsConnections) socket.end()
      return undefined
    }
    const relay = new Relay(this, socket, { head, surface, body: read.body, cors })
    relay.start()
    return relay
  }

  #refusal(head: Head | undefined, { status, message }: Refusal): Buffer {
    const { switches = {} } = this.fault
    const surface = (head && surfaceOf(head)) ?? 'chat'
    const type = status === 401 ? 'authentication_error' : 'invalid_request_error'
    const body = upstreamDialects[surface].error({ message, type })
    const closing = [401, 404, 411, 413].includes(status) ? { connection: 'close' } : undefined
    if (switches.saysPlainErrors) return reply(status, message, { 'content-type': 'text/plain', ...closing })
    const cors = head ? corsFields(head.fields, switches) : {}
    return reply(status, JSON.stringify(body), { 'content-type': 'application/json', ...cors, ...closing })
  }
}
