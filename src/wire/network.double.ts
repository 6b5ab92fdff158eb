import { Duplex } from 'node:stream'
import type {
  ByteSocket,
  Connecting,
  Endpoint,
  HttpListener,
  Network,
  ServeOptions,
  SocketEvents,
} from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { answerOn, type EmulatedExchange, type EmulatorSocket } from './emulator/http.ts'
import { SocketPool } from './idle-sockets.ts'

/** A network in memory. Bytes arrive in the same turn of the event loop, in the order in which they were written. */
export class MemoryNetwork implements Network {
  readonly idle: SocketPool
  readonly #names = new Map<string, string>()
  readonly #servers = new Map<string, (peer: MemoryPeer) => void>()
  readonly #listeners = new Map<number, ServeOptions>()
  #pending = 0
  /** Connections that are open, by whatever side. */
  open = 0

  constructor(clock: Pick<Runtime, 'elapsed' | 'timers'>) {
    this.idle = new SocketPool(clock)
  }

  /** A server of HTTP at port 80 of this name. */
  answerAt(hostname: string, answer: (exchange: EmulatedExchange) => void | Promise<void>): void {
    const address = `10.0.0.${this.#names.size + 1}`
    this.#names.set(hostname, address)
    this.#servers.set(`${address}:80`, (peer) => answerOn(peer, answer))
  }

  /** What a client gets from the server that listens at the port of this URL. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const listener = this.#listeners.get(Number(new URL(url).port))
    if (!listener) throw refused()
    this.#pending++
    const request = new Request(url, { ...init, headers: { host: new URL(url).host, ...init.headers } })
    try {
      const { status, headers, body } = await listener.answer(request)
      return new Response(body?.pipeThrough(this.#counting()) ?? null, { status, headers })
    } finally {
      this.#pending--
    }
  }

  async lookUp(hostname: string): Promise<readonly string[]> {
    const address = this.#names.get(hostname)
    if (address === undefined) throw Object.assign(new Error('The name is not known.'), { code: 'ENOTFOUND' })
    return [address]
  }

  connect({ address, port }: Endpoint): Connecting {
    const server = this.#servers.get(`${address}:${port}`)
    if (!server) return { socket: Promise.reject(refused()), cancel: () => undefined }
    const peer = new MemoryPeer(() => this.open--)
    this.open++
    server(peer)
    return { socket: Promise.resolve(peer.client), cancel: () => peer.client.destroy() }
  }

  serve(options: ServeOptions): HttpListener {
    const port = options.port || 1_024 + this.#listeners.size
    this.#listeners.set(port, options)
    const stop = async () => void this.#listeners.delete(port)
    const pending = () => this.#pending
    return {
      port,
      get pendingRequests() {
        return pending()
      },
      addressOf: () => '127.0.0.1',
      limitSilence: () => undefined,
      stop,
      kill: stop,
    }
  }

  /** A request is pending until its body has been read. */
  #counting(): TransformStream<Uint8Array, Uint8Array> {
    this.#pending++
    return new TransformStream({ flush: () => void this.#pending-- }, { highWaterMark: 1 }, { highWaterMark: 0 })
  }
}

function refused(): Error {
  return Object.assign(new Error('Nothing listens there.'), { code: 'ECONNREFUSED' })
}

/** The server's side of a connection. */
class MemoryPeer extends Duplex implements EmulatorSocket {
  readonly client: MemorySocket

  constructor(onClose: () => void) {
    super({ allowHalfOpen: false })
    this.client = new MemorySocket(this)
    this.on('close', onClose)
  }

  override _read(): void {
    // bytes are pushed as they come
  }

  override _write(bytes: Buffer, _encoding: string, taken: () => void): void {
    this.client.receive(bytes, taken)
  }

  override _final(done: () => void): void {
    this.client.receive(undefined, done)
  }

  resetAndDestroy(): this {
    this.client.fail(Object.assign(new Error('The connection was reset.'), { code: 'ECONNRESET' }))
    return this.destroy()
  }
}

/** Our own side. */
class MemorySocket implements ByteSocket {
  readonly unsentBytes = 0
  readonly #peer: MemoryPeer
  #events: SocketEvents | undefined
  /** What has come while it was paused, or had no receiver; undefined is the end. */
  #waiting: { readonly bytes: Buffer | undefined; taken(): void }[] = []
  #isPaused = false
  #isClosed = false

  constructor(peer: MemoryPeer) {
    this.#peer = peer
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  attach(events: SocketEvents): void {
    this.#events = events
    this.#deliver()
  }

  receive(bytes: Buffer | undefined, taken: () => void): void {
    this.#waiting.push({ bytes, taken })
    this.#deliver()
  }

  fail(cause: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#events?.closed(cause)
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#peer.push(Buffer.from(bytes))
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#deliver()
  }

  keepProcess(): void {
    // nothing in memory does
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    this.#isClosed = true
    this.#events = undefined
    this.#peer.destroy()
  }

  #deliver(): void {
    while (this.#events && !this.#isPaused && !this.#isClosed) {
      const next = this.#waiting.shift()
      if (!next) return
      next.taken()
      if (next.bytes) this.#events.bytes(next.bytes)
      else this.fail(undefined)
    }
  }
}
