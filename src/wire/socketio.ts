import type { Socket } from 'socket.io-client'
import { asChatError, type ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Secret } from '../chat/secret.ts'
import { Watchdog } from '../chat/watchdog.ts'
import { Inbox } from './inbox.ts'
import { connectTimeout, disconnected, lost, refusal, tooLarge } from './socketio-errors.ts'

/** An event as the server emitted it. */
export interface SocketIoEvent {
  readonly name: string
  readonly values: readonly unknown[]
}

export interface SocketIoRequest {
  /** `http:`, `https:`, `ws:` or `wss:`; what stands before `/socket.io/`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What the server is told of us when we connect: `{token}`. */
  readonly token: Secret
  /**
   * Makes chat events of what comes, as it comes: so what waits for the reader is never more than the answer.
   * @throws ChatError which ends the connection, after the events that were made before
   */
  readonly read: (event: SocketIoEvent) => readonly ChatEvent[]
  readonly limits?: SocketIoLimits
}

/** Milliseconds. */
interface SocketIoLimits {
  /** Until the server has let us in, from the first packet to its `40`; 20,000. */
  readonly connectMs?: number
  /** Without any packet at all, pings included; 90,000. Shorter is what the server says of its own pings: 45 s by default. */
  readonly silentMs?: number
}

/** A connection that the server has let in. */
export interface SocketIoConnection {
  /** For one reader. @throws ChatError once the server has left, whether or not that was due */
  readonly events: AsyncIterable<ChatEvent>
  /** Says goodbye and closes at once. */
  close(): void
}

const connectMs = 20_000
const silentMs = 90_000
/** Packets that are no message, such as pings: at one in 25 s these are for three days. */
const maxControlPackets = 10_000

/**
 * Connects to a Socket.IO 4 server, over a WebSocket and nothing else.
 * @throws ChatError `account-refused` where the server does not take the token, `timeout` by `limits`, `upstream-failed`
 * when nothing answers, or the signal's reason
 * @see https://socket.io/docs/v4/socket-io-protocol/
 */
export async function openSocketIo(request: SocketIoRequest, signal: AbortSignal): Promise<SocketIoConnection> {
  const socket = await socketTo(request)
  signal.throwIfAborted()
  const line = new Line(socket, request, signal)
  await line.opened
  return line
}

/** One connection with all that hangs on it: `#letGo` frees the whole of it. */
class Line implements SocketIoConnection {
  readonly events: Inbox<ChatEvent>
  readonly #request: SocketIoRequest
  readonly #socket: Socket
  readonly #watchdog: Watchdog
  readonly #opened = Promise.withResolvers<void>()
  #isOpen = false
  #controlPackets = 0

  constructor(socket: Socket, request: SocketIoRequest, signal: AbortSignal) {
    this.#request = request
    this.#socket = socket
    this.#watchdog = new Watchdog(() => this.#end(this.#isOpen ? disconnected('is silent') : connectTimeout()))
    this.events = new Inbox({ signal, release: () => this.#letGo(signal) })
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('connect_error', (error) => this.#end(refusal(error)))
    this.#socket.on('disconnect', (reason, details) => this.#end(lost(reason, details)))
    this.#socket.onAny((name: unknown, ...values: unknown[]) => this.#onEvent(String(name), values))
    this.#watchdog.feed(request.limits?.connectMs ?? connectMs)
    this.#socket.connect()
    this.#socket.io.engine.on('packet', ({ type }) => this.#onPacket(type))
  }

  /** Settles once the server has let us in, or has not. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  close(): void {
    this.events.close()
  }

  #onConnect(): void {
    this.#isOpen = true
    this.#watchdog.feed(this.#request.limits?.silentMs ?? silentMs)
    this.#opened.resolve()
  }

  #onPacket(type: string): void {
    if (this.#isOpen) this.#watchdog.feed(this.#request.limits?.silentMs ?? silentMs)
    // the library takes no notice of Engine.IO's own close
    if (type === 'close') this.#end(disconnected('closed it'))
    if (type !== 'message' && ++this.#controlPackets > maxControlPackets) this.#end(tooLarge())
  }

  #onEvent(name: string, given: readonly unknown[]): void {
    const acknowledge = given.at(-1)
    if (typeof acknowledge === 'function') acknowledge()
    const values = given.filter((value) => typeof value !== 'function')
    try {
      for (const event of this.#request.read({ name, values })) this.events.push(event, sizeOf(event))
    } catch (thrown) {
      this.#end(asChatError(thrown))
    }
  }

  #end(error: ChatError): void {
    this.#opened.reject(error)
    this.events.fail(error)
  }

  #letGo(signal: AbortSignal): void {
    this.#watchdog.stop()
    this.#opened.reject(signal.reason)
    // once it is opened nobody waits for this
    this.#opened.promise.catch(() => undefined)
    this.#socket.offAny()
    this.#socket.off()
    this.#socket.io.engine.off('packet')
    this.#socket.disconnect()
  }
}

/** Not connected yet. The library is loaded for the first one: a start that needs none does not wait for it. */
async function socketTo({ url, headers, token }: SocketIoRequest): Promise<Socket> {
  const { io } = await import('socket.io-client')
  const { GuardedWebSocket } = await import('./socketio-transport.ts')
  const { origin, pathname } = new URL(url.replace(/^ws/, 'http'))
  return io(origin, {
    // a path in the address would be taken for a namespace
    path: `${pathname.replace(/\/$/, '')}/socket.io/`,
    auth: { token: token.reveal() },
    extraHeaders: { ...headers },
    transports: [GuardedWebSocket],
    upgrade: false,
    forceNew: true,
    multiplex: false,
    reconnection: false,
    autoConnect: false,
    // ours counts until the server has let us in, the library's only until it has said anything
    timeout: 2 ** 31 - 1,
  })
}

/** What waits of an event, in bytes. */
function sizeOf(event: ChatEvent): number {
  return event.type === 'text' ? 2 * event.text.length : 0
}
