import { Duplex } from 'node:stream'
import type { ByteSocket, SocketEvents } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { EmulatorSocket } from './emulator/http.ts'

/** What goes wrong on the way to a server. Each function is called at every use, so its results may differ. */
export interface Faults {
  /** How an attempt to connect ends. With `silent` it never ends. */
  connect?(): 'accept' | 'refuse' | 'silent'
  /** Milliseconds that bytes travel in either direction. Later bytes never overtake earlier ones. */
  delayMs?(): number
  /** Size of the pieces in which written bytes arrive, over 0. */
  pieceBytes?(): number
  /** The number of bytes from the server that arrive on a new connection before it is reset. */
  resetAfterBytes?(): number
}

export type MemoryClock = Pick<Runtime, 'elapsed' | 'timers'>

/** One direction of a connection. Bytes arrive in order. The faults set the size of the pieces and the delay. */
class Pipe {
  readonly #clock: MemoryClock
  readonly #faults: Faults
  readonly #onTheWay: (() => void)[] = []
  #dueAt = 0

  constructor(clock: MemoryClock, faults: Faults) {
    this.#clock = clock
    this.#faults = faults
  }

  /** @param taken called when all bytes have arrived */
  send(bytes: Buffer, arrive: (piece: Buffer) => void, taken: () => void): void {
    for (let rest = bytes; rest.length > 0; ) {
      const size = Math.max(1, this.#faults.pieceBytes?.() ?? rest.length)
      const piece = rest.subarray(0, size)
      rest = rest.subarray(size)
      this.afterwards(() => arrive(piece))
    }
    this.afterwards(taken)
  }

  /** Runs this after everything that was sent before. */
  afterwards(run: () => void): void {
    const now = this.#clock.elapsed()
    this.#dueAt = Math.max(this.#dueAt, now + (this.#faults.delayMs?.() ?? 0))
    if (this.#dueAt <= now && this.#onTheWay.length === 0) {
      run()
      return
    }
    this.#onTheWay.push(run)
    this.#clock.timers.set(Math.max(1, this.#dueAt - now), () => this.#onTheWay.shift()?.())
  }
}

/** A connection in memory. The gateway uses `client`, and the emulated server uses this stream. */
export class MemoryConnection extends Duplex implements EmulatorSocket {
  readonly client: MemorySocket
  readonly #toClient: Pipe
  readonly #toServer: Pipe
  #bytesLeft: number

  constructor(clock: MemoryClock, faults: Faults, onClose: () => void) {
    super({ allowHalfOpen: false })
    this.#toClient = new Pipe(clock, faults)
    this.#toServer = new Pipe(clock, faults)
    this.#bytesLeft = faults.resetAfterBytes?.() ?? Number.POSITIVE_INFINITY
    this.client = new MemorySocket(this)
    this.on('close', onClose)
  }

  /** Takes bytes that the gateway has written. */
  hear(bytes: Buffer): void {
    const arrive = (piece: Buffer) => void (this.destroyed || this.push(piece))
    this.#toServer.send(bytes, arrive, () => undefined)
  }

  /** The gateway has closed its side. */
  hangUp(): void {
    this.#toServer.afterwards(() => this.destroy())
  }

  override _read(): void {
    // bytes are pushed as they arrive
  }

  override _write(bytes: Buffer, _encoding: string, taken: () => void): void {
    const passed = bytes.subarray(0, this.#bytesLeft)
    this.#bytesLeft -= passed.length
    const isCut = passed.length < bytes.length
    this.#toClient.send(
      passed,
      (piece) => this.client.receive(piece),
      () => (isCut ? this.resetAndDestroy() : this.client.receiveNext(taken)),
    )
  }

  override _final(done: () => void): void {
    this.#toClient.afterwards(() => {
      this.client.receive(undefined)
      done()
    })
  }

  resetAndDestroy(): this {
    this.client.fail(Object.assign(new Error('The connection was reset.'), { code: 'ECONNRESET' }))
    return this.destroy()
  }
}

/** The gateway's side of a connection in memory. */
export class MemorySocket implements ByteSocket {
  readonly unsentBytes = 0
  readonly #connection: MemoryConnection
  #events: SocketEvents | undefined
  /** Bytes that came while it was paused or had no receiver. Undefined is the end. A function is called in its turn. */
  #waiting: (Buffer | (() => void) | undefined)[] = []
  #isPaused = false
  #isDelivering = false
  #isClosed = false

  constructor(connection: MemoryConnection) {
    this.#connection = connection
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  attach(events: SocketEvents): void {
    this.#events = events
    this.#deliver()
  }

  receive(bytes: Buffer | undefined): void {
    this.#waiting.push(bytes)
    this.#deliver()
  }

  /** Calls this when everything that came before has been taken. */
  receiveNext(taken: () => void): void {
    this.#waiting.push(taken)
    this.#deliver()
  }

  fail(cause: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#events?.closed(cause)
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#connection.hear(Buffer.from(bytes))
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#deliver()
  }

  keepProcess(): void {
    // a socket in memory never keeps the process alive
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    this.#isClosed = true
    this.#events = undefined
    this.#waiting = []
    this.#connection.hangUp()
  }

  #deliver(): void {
    // a receiver that attaches another one has not read its own bytes yet
    if (this.#isDelivering) return
    this.#isDelivering = true
    while (this.#events && !this.#isPaused && !this.#isClosed && this.#waiting.length > 0) {
      const next = this.#waiting.shift()
      if (typeof next === 'function') next()
      else if (next) this.#events.bytes(next)
      else this.#end()
    }
    this.#isDelivering = false
  }

  #end(): void {
    this.fail(undefined)
    this.#connection.destroy()
  }
}
