import { ClockCheck } from '../../../src/flow/clock-check.ts'
import type {
  BodyWriter,
  ByteSocket,
  Connecting,
  Endpoint,
  HttpListener,
  Network,
  ServeOptions,
} from '../../../src/flow/network.ts'
import { SocketPool } from '../../../src/wire/idle-sockets.ts'
import type { MemoryClock } from '../../../src/wire/memory-socket.double.ts'
import type { MemoryNetwork } from '../../../src/wire/network.double.ts'

/** The network as one process sees it. When the process dies, all of its connections break, and it can make no other. */
export class ProcessNetwork implements Network {
  readonly idle: SocketPool
  readonly clocks = new ClockCheck()
  readonly #world: MemoryNetwork
  readonly #listeners: HttpListener[] = []
  #sockets: ByteSocket[] = []
  #isDead = false

  constructor(world: MemoryNetwork, clock: MemoryClock) {
    this.#world = world
    this.idle = new SocketPool(clock)
  }

  /** Its connections to upstreams that are open, idle ones too. */
  get openConnections(): number {
    this.#sockets = this.#sockets.filter(({ isClosed }) => !isClosed)
    return this.#sockets.length
  }

  /** Requests whose answers have not been sent whole. */
  get pendingRequests(): number {
    return this.#listeners.reduce((sum, { pendingRequests }) => sum + pendingRequests, 0)
  }

  kill(): void {
    this.#isDead = true
    for (const socket of this.#sockets) socket.destroy()
    for (const listener of this.#listeners) void listener.kill()
  }

  async lookUp(hostname: string): Promise<readonly string[]> {
    const found = await this.#world.lookUp(hostname)
    return this.#isDead ? never() : found
  }

  connect(endpoint: Endpoint): Connecting {
    if (this.#isDead) return { socket: never(), cancel: () => undefined }
    const { socket, cancel } = this.#world.connect(endpoint)
    return { socket: socket.then((opened) => this.#keep(opened)), cancel }
  }

  ownAddresses(): readonly string[] {
    return this.#world.ownAddresses()
  }

  maxConnections(): number {
    return this.#world.maxConnections()
  }

  writtenBody(writer: BodyWriter): ReadableStream<Uint8Array> {
    return this.#world.writtenBody(writer)
  }

  serve(options: ServeOptions): HttpListener {
    const listener = this.#world.serve(options)
    this.#listeners.push(listener)
    return listener
  }

  tryToListen(hostname: string, port: number): Promise<string | undefined> {
    return this.#world.tryToListen(hostname, port)
  }

  #keep(socket: ByteSocket): ByteSocket | Promise<never> {
    if (this.#isDead) {
      socket.destroy()
      return never()
    }
    if (this.#sockets.length > 64) this.#sockets = this.#sockets.filter(({ isClosed }) => !isClosed)
    this.#sockets.push(socket)
    return socket
  }
}

/** What a dead process waits for. */
export function never(): Promise<never> {
  return new Promise(() => undefined)
}
