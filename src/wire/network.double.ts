import { ClockCheck } from '../flow/clock-check.ts'
import type { BodyWriter, Connecting, Endpoint, Network, ServeOptions } from '../flow/network.ts'
import { answerOn, type EmulatedExchange } from './emulator/http.ts'
import { SocketPool } from './idle-sockets.ts'
import { MemoryListener } from './memory-listener.double.ts'
import { type Faults, type MemoryClock, MemoryConnection } from './memory-socket.double.ts'
import { pulledBody } from './pulled-body.double.ts'

type AnswerExchange = (exchange: EmulatedExchange) => void | Promise<void>

/** A server in memory. */
interface MemoryServer {
  readonly answer: AnswerExchange
  readonly faults: Faults
}

/**
 * A network in memory. Without faults, bytes arrive in the same turn of the event loop, in the order in which they were written.
 * A test adds servers with `answerAt`, and sends requests to the gateway that listens on it with `fetch`.
 */
export class MemoryNetwork implements Network {
  readonly idle: SocketPool
  readonly clocks = new ClockCheck()
  readonly #clock: MemoryClock
  readonly #names = new Map<string, string>()
  readonly #servers = new Map<string, MemoryServer>()
  readonly #listeners = new Map<number, MemoryListener>()
  #open = 0
  #attempts = 0

  constructor(clock: MemoryClock) {
    this.#clock = clock
    this.idle = new SocketPool(clock)
  }

  /** Connections to servers that are open, idle ones too. */
  get openConnections(): number {
    return this.#open
  }

  /** Attempts to connect to any address, successful or not. */
  get attempts(): number {
    return this.#attempts
  }

  /** Starts a server. @param origin `http://name` or `https://name:port`; TLS is not emulated */
  answerAt(origin: string, answer: AnswerExchange, faults: Faults = {}): void {
    const { protocol, hostname, port } = new URL(origin)
    const address = this.#names.get(hostname) ?? `10.0.0.${this.#names.size + 1}`
    this.#names.set(hostname, address)
    const isSecure = protocol === 'https:'
    this.#servers.set(keyOf({ isSecure, address, port: Number(port) || (isSecure ? 443 : 80) }), { answer, faults })
  }

  /** Sends a request to the gateway that listens at the port of this URL. @param address the client's IP address */
  async fetch(url: string, init: RequestInit = {}, address = '127.0.0.1'): Promise<Response> {
    const listener = this.#listeners.get(Number(new URL(url).port))
    if (!listener || listener.isStopped) throw refused()
    return listener.answer(url, init, address)
  }

  async lookUp(hostname: string): Promise<readonly string[]> {
    const address = this.#names.get(hostname)
    if (address === undefined) throw systemError('ENOTFOUND', 'The name is not known.')
    return [address]
  }

  connect(endpoint: Endpoint): Connecting {
    this.#attempts++
    const server = this.#servers.get(keyOf(endpoint))
    const how = server ? (server.faults.connect?.() ?? 'accept') : 'refuse'
    if (!server || how === 'refuse') return { socket: Promise.reject(refused()), cancel: () => undefined }
    if (how === 'silent') return { socket: new Promise(() => undefined), cancel: () => undefined }
    const connection = new MemoryConnection(this.#clock, server.faults, () => this.#open--)
    this.#open++
    answerOn(connection, server.answer)
    return { socket: Promise.resolve(connection.client), cancel: () => connection.client.destroy() }
  }

  ownAddresses(): readonly string[] {
    return ['127.0.0.1']
  }

  maxConnections(): number {
    return Number.POSITIVE_INFINITY
  }

  writtenBody(writer: BodyWriter): ReadableStream<Uint8Array> {
    return pulledBody(writer)
  }

  serve(options: ServeOptions): MemoryListener {
    const port = options.port || 1_024 + this.#listeners.size
    if (this.#listeners.get(port)?.isStopped === false) throw systemError('EADDRINUSE', 'The port is in use.')
    const listener = new MemoryListener(options, port)
    this.#listeners.set(port, listener)
    return listener
  }

  async tryToListen(_hostname: string, port: number): Promise<string | undefined> {
    return this.#listeners.get(port)?.isStopped === false ? 'EADDRINUSE' : undefined
  }
}

function keyOf({ isSecure, address, port }: Endpoint): string {
  return `${isSecure ? 'tls' : 'tcp'} ${address}:${port}`
}

function refused(): Error {
  return systemError('ECONNREFUSED', 'Nothing listens there.')
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
