import { jsonOrUndefined } from '../json.ts'
import { frame, opcodes } from '../websocket-frames.ts'
import type { EmulatedExchange } from './http.ts'
import { acceptWebSocket, type EmulatedWebSocket, isUpgrade } from './websocket.ts'

/** Milliseconds. */
export interface SocketIoPulse {
  /** Between two pings; 25,000. */
  readonly pingInterval?: number
  /** Until a pong; 20,000. */
  readonly pingTimeout?: number
  /** Until a client sends CONNECT; 45,000. */
  readonly connectTimeout?: number
}

/** The answer to a client's CONNECT: it is admitted, it gets no answer, or it is refused with a message. */
export type Admission = 'yes' | 'silent' | { readonly message: string; readonly data?: unknown }

export interface SocketIoHost {
  /** Decides whether a client is admitted, by the `auth` of its CONNECT packet. */
  admit(auth: unknown, line: EmulatedSocketIo): Admission
  /** Replaces the first frame, or leaves it out. */
  readonly opening?: string | 'none'
  readonly pulse?: SocketIoPulse
}

/** The server's side of one connection. It sends exactly what is written. */
export interface EmulatedSocketIo {
  readonly socket: EmulatedWebSocket
  /** Whether the client was admitted and has not left. */
  isIn(): boolean
  /** Emits an event. */
  emit(name: string, ...values: readonly unknown[]): Promise<void>
  /** Sends a frame unchanged. */
  frame(text: string): Promise<void>
}

/** The frame of an event. */
export function eventFrame(name: string, ...values: readonly unknown[]): string {
  return `42${JSON.stringify([name, ...values])}`
}

/** An event with one binary value: a text frame and a binary frame. Socket.IO protocol, BINARY_EVENT */
export function binaryEvent(name: string, value: Uint8Array): Buffer {
  const head = `451-${JSON.stringify([name, { _placeholder: true, num: 0 }])}`
  return Buffer.concat([frame(head), frame(value, { opcode: opcodes.binary })])
}

/**
 * A Socket.IO 4 server on Engine.IO 4, over WebSocket only. It waits for a CONNECT packet, sends pings, and closes the
 * connection of a client that breaks the protocol or falls silent.
 * @returns undefined if it refused the request
 * @see https://socket.io/docs/v4/engine-io-protocol/
 */
export function acceptSocketIo(exchange: EmulatedExchange, host: SocketIoHost): EmulatedSocketIo | undefined {
  const { path } = exchange.request
  const url = new URL(path, 'http://emulator')
  if (url.pathname !== '/socket.io/') return refuse(exchange, 404, { message: 'Not found' })
  if (url.searchParams.get('EIO') !== '4')
    return refuse(exchange, 400, { code: 5, message: 'Unsupported protocol version' })
  if (url.searchParams.get('transport') !== 'websocket' || !isUpgrade(exchange.request))
    return refuse(exchange, 400, { code: 0, message: 'Transport unknown' })
  return new EmulatedConnection(exchange, host)
}

function refuse(exchange: EmulatedExchange, status: number, body: object): undefined {
  exchange.reply(status, JSON.stringify(body), { 'content-type': 'application/json' })
  return undefined
}

class EmulatedConnection implements EmulatedSocketIo {
  readonly socket: EmulatedWebSocket
  readonly #host: SocketIoHost
  readonly #interval: number
  readonly #timeout: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #isIn = false
  #isOpened = false

  constructor(exchange: EmulatedExchange, host: SocketIoHost) {
    this.#host = host
    this.#interval = host.pulse?.pingInterval ?? 25_000
    this.#timeout = host.pulse?.pingTimeout ?? 20_000
    this.socket = acceptWebSocket(exchange, (text) => this.#hear(text))
    this.#timer = this.#hangUpIn(host.pulse?.connectTimeout ?? 45_000)
    void this.socket.closed.then(() => this.#left())
    void this.#open()
  }

  isIn(): boolean {
    return this.#isIn && this.socket.isOpen()
  }

  emit(name: string, ...values: readonly unknown[]): Promise<void> {
    return this.frame(eventFrame(name, ...values))
  }

  frame(text: string): Promise<void> {
    return this.socket.send(text)
  }

  #open(): Promise<void> | undefined {
    const { opening } = this.#host
    if (opening === 'none') return undefined
    this.#isOpened = true
    const pulse = { pingInterval: this.#interval, pingTimeout: this.#timeout }
    const handshake = { sid: crypto.randomUUID(), upgrades: [], ...pulse, maxPayload: 1_000_000 }
    return this.frame(opening ?? `0${JSON.stringify(handshake)}`)
  }

  #hear(text: string): void {
    if (!this.#takes(text)) this.socket.close(1008)
  }

  /** Takes a client's packet. @returns whether the packet is valid at this point of the protocol */
  #takes(text: string): boolean {
    if (!this.#isOpened) return false
    if (text === '1' || text === '41') this.#leave(text)
    else if (text.startsWith('40') && !this.#isIn) this.#admit(text.slice(2))
    else if (!this.#isIn || !/^3$|^42\d*\[|^43\d+\[/.test(text)) return false
    else if (text === '3') this.#beatIn(this.#interval)
    return true
  }

  #admit(text: string): void {
    const admission = this.#host.admit(jsonOrUndefined(text), this)
    if (admission === 'silent') return
    if (admission !== 'yes') {
      void this.frame(`44${JSON.stringify(admission)}`)
      return
    }
    this.#isIn = true
    this.#beatIn(this.#interval)
    void this.frame(`40${JSON.stringify({ sid: crypto.randomUUID() })}`)
  }

  /** The client leaves the namespace. The connection below stays open, unless the client closes it with `1`. */
  #leave(text: string): void {
    this.#isIn = false
    if (text === '1') this.socket.close(1000)
  }

  #beatIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      void this.frame('2')
      this.#timer = this.#hangUpIn(this.#timeout)
    }, ms)
  }

  #hangUpIn(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.socket.finish(), ms)
  }

  #left(): void {
    this.#isIn = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
