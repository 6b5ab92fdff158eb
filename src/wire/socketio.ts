import type { Socket } from 'socket.io-client'
import { asChatError, type ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Secret } from '../chat/secret.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Batch } from '../flow/flow.ts'
import type { Timer, Timers } from '../flow/timers.ts'
import { Watchdog } from '../flow/watchdog.ts'
import { Inbox } from './inbox.ts'
import { connectTimeout, disconnected, lost, refusal, tooLarge } from './socketio-errors.ts'

/** An event as the server emitted it. */
export interface SocketIoEvent {
  readonly name: string
  readonly values: readonly unknown[]
}

export interface SocketIoRequest {
  /** `http:`, `https:`, `ws:` or `wss:`; without `/socket.io/`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The token that is sent when we connect, as `{token}`. */
  readonly token: Secret
  /**
   * Turns each event into chat events as it arrives, so that no more than the answer waits for the reader.
   * @throws ChatError, which ends the connection after the events that were made before
   */
  readonly read: (event: SocketIoEvent) => readonly ChatEvent[]
  readonly limits?: SocketIoLimits
}

/** Milliseconds. */
interface SocketIoLimits {
  /** From the start until the server has admitted us with its `40`; 20,000. */
  readonly connectMs?: number
  /** Silence without any packet, pings included; 90,000. The limit from the server's own ping settings is usually shorter: 45 s by default. */
  readonly silentMs?: number
}

/** A connection that the server has admitted. */
export interface SocketIoConnection {
  /** For one reader. @throws ChatError when the server leaves, also after a complete answer */
  readonly batches: AsyncIterable<Batch>
  /** Sends a disconnect packet and closes at once. */
  close(): void
}

const connectMs = 20_000
const silentMs = 90_000
/** Limit for packets without a message, such as pings: enough for three days at one in 25 s. */
const maxControlPackets = 10_000

/**
 * Connects to a Socket.IO 4 server, over WebSocket only.
 * @throws ChatError `account-refused` if the server refuses the token, `timeout` by `limits`, `upstream-failed` if no server
 * answers, or the signal's reason
 * @see https://socket.io/docs/v4/socket-io-protocol/
 */
export async function openSocketIo(request: SocketIoRequest, signal: Cancel): Promise<SocketIoConnection> {
  const socket = await socketTo(request, signal)
  signal.throwIfAborted()
  const line = new OpenSocketIo(socket, request, signal)
  await line.opened
  return line
}

/** One connection, its timers and its listeners; `#letGo` frees all of them. */
class OpenSocketIo implements SocketIoConnection {
  readonly batches: Inbox<Batch>
  readonly #request: SocketIoRequest
  readonly #socket: Socket
  readonly #watchdog: Watchdog
  readonly #opened = Promise.withResolvers<void>()
  #isOpen = false
  #controlPackets = 0

  constructor(socket: Socket, request: SocketIoRequest, signal: Cancel) {
    this.#request = request
    this.#socket = socket
    this.#watchdog = new Watchdog(signal.runtime.timers, () =>
      this.#end(this.#isOpen ? disconnected('is silent') : connectTimeout()),
    )
    this.batches = new Inbox({ signal, release: () => this.#letGo(signal) })
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('connect_error', (error) => this.#end(refusal(error)))
    this.#socket.on('disconnect', (reason, details) => this.#end(lost(reason, details)))
    this.#socket.onAny((name: unknown, ...values: unknown[]) => this.#onEvent(String(name), values))
    this.#watchdog.feed(request.limits?.connectMs ?? connectMs)
    this.#socket.connect()
    Object.assign(this.#socket.io.engine, libraryTimers(signal.runtime.timers))
    this.#socket.io.engine.on('packet', ({ type }) => this.#onPacket(type))
  }

  /** Settles when the server has admitted or refused us. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  close(): void {
    this.batches.close()
  }

  #onConnect(): void {
    this.#isOpen = true
    this.#watchdog.feed(this.#request.limits?.silentMs ?? silentMs)
    this.#opened.resolve()
  }

  #onPacket(type: string): void {
    if (this.#isOpen) this.#watchdog.feed(this.#request.limits?.silentMs ?? silentMs)
    // the library ignores Engine.IO's own close packet
    if (type === 'close') this.#end(disconnected('closed it'))
    if (type !== 'message' && ++this.#controlPackets > maxControlPackets) this.#end(tooLarge())
  }

  #onEvent(name: string, given: readonly unknown[]): void {
    const acknowledge = given.at(-1)
    if (typeof acknowledge === 'function') acknowledge()
    const values = given.filter((value) => typeof value !== 'function')
    try {
      const batch = this.#request.read({ name, values })
      if (batch.length > 0) this.batches.push(batch, sizeOf(batch))
    } catch (thrown) {
      this.#end(asChatError(thrown))
    }
  }

  #end(error: ChatError): void {
    this.#opened.reject(error)
    this.batches.fail(error)
  }

  #letGo(signal: Cancel): void {
    this.#watchdog.stop()
    this.#opened.reject(signal.reason)
    // after the opening no caller waits for this promise
    this.#opened.promise.catch(() => undefined)
    this.#socket.offAny()
    this.#socket.off()
    this.#socket.io.engine.off('packet')
    this.#socket.disconnect()
  }
}

/** Makes a socket that is not connected yet. Loads the library at the first use, so that the program's start does not wait for it. */
async function socketTo({ url, headers, token, limits }: SocketIoRequest, signal: Cancel): Promise<Socket> {
  const { io } = await import('socket.io-client')
  const { transportOver } = await import('./socketio-transport.ts')
  const { origin, pathname } = new URL(url.replace(/^ws/, 'http'))
  const socket = io(origin, {
    // the library would take a path in the address for a namespace
    path: `${pathname.replace(/\/$/, '')}/socket.io/`,
    auth: { token: token.reveal() },
    extraHeaders: { ...headers },
    transports: [transportOver(signal, { connectMs: limits?.connectMs ?? connectMs })],
    upgrade: false,
    forceNew: true,
    multiplex: false,
    reconnection: false,
    autoConnect: false,
  })
  // our own limit lasts until the server admits us, the library's only until the first packet
  socket.io.timeout(false)
  Object.assign(socket.io, libraryTimers(signal.runtime.timers))
  return socket
}

/** The functions with which the library's objects set their timers. The objects keep them as members. */
function libraryTimers(timers: Timers) {
  return {
    setTimeoutFn: (run: () => void, ms: number): Timer => timers.set(ms, () => run()),
    clearTimeoutFn: (timer: Timer | undefined) => timer?.stop(),
  }
}

/** Bytes of memory that an event needs in addition to its text: a million empty events need memory too. */
const bytesPerEvent = 24

/** The size of a batch in bytes, roughly. */
function sizeOf(batch: Batch): number {
  const texts = batch.map((event) => (event.type === 'text' ? 2 * event.text.length : 0))
  return texts.reduce((sum, bytes) => sum + bytes, bytesPerEvent * batch.length)
}
