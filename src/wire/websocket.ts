import { ChatError, type Reason } from '../chat/error.ts'
import type { ByteTap } from '../flow/attempt-hashes.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { ByteSocket } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { Watchdog } from '../flow/watchdog.ts'
import { dial } from './dial.ts'
import { Inbox, type InboxOptions } from './inbox.ts'
import { connectTimeout, transportError } from './transport-error.ts'
import { closeError, disconnected, tooMuch } from './websocket-errors.ts'
import { closePayload, FrameFault, frame, opcodes } from './websocket-frames.ts'
import { Handshake, type SocketAddress, socketAddress } from './websocket-handshake.ts'
import { MessageReader, type SocketMessage } from './websocket-messages.ts'
import type { WebSocketConnection, WebSocketLimits, WebSocketRequest } from './websocket-request.ts'

const connectMs = 5_000
const pingMs = 15_000
const maxMessageBytes = 8 * 1024 * 1024
/** Limit for all messages together, as for a reply over HTTP, because a reader may keep them all. */
const maxBytes = 64 * 1024 * 1024
/** Limit for messages that wait. Above it the socket is paused. */
const pauseBytes = 1024 * 1024
/** Limit for pongs that the peer has not read. */
const maxUnsentBytes = 64 * 1024

/**
 * Opens a WebSocket, without compression. It does not use the runtime's own client, which can be neither paused nor limited
 * and hides the headers of a refusal (docs/decisions/0018-own-websocket.md).
 * @throws ChatError by the HTTP status of a refused handshake, `timeout` by `limits`, `upstream-failed` if no server
 * answers, or the signal's reason
 */
export function openWebSocket(request: WebSocketRequest, signal: Cancel): Promise<WebSocketConnection> {
  return connectWebSocket(request, signal, (options) => new Inbox<string>(options))
}

/** Takes the messages of a connection. An `Inbox` keeps them for a reader. */
export interface MessageQueue
  extends Pick<Inbox<string>, 'isOver' | 'waitingBytes' | 'push' | 'close' | 'fail' | 'abort'> {
  /** Takes a binary message. Without this method such messages are ignored, because most protocols are text. */
  pushBinary?(bytes: Buffer): void
}

/** Opens a WebSocket, and gives each message to the queue as soon as it comes. @throws as `openWebSocket` */
export async function connectWebSocket<Queue extends MessageQueue>(
  request: WebSocketRequest,
  signal: Cancel,
  queue: (options: InboxOptions) => Queue,
): Promise<OpenWebSocket<Queue>> {
  const exchange = signal.span?.beginExchange('GET', request.url)
  if (!exchange) return connect(request, signal, queue)
  const traced = { ...request, headers: { ...request.headers, ...exchange.headers } }
  try {
    const opened = await connect(traced, signal, queue)
    exchange.end(switchingProtocols)
    return opened
  } catch (thrown) {
    exchange.fail(thrown)
    throw thrown
  }
}

/** The status of a handshake that has succeeded. RFC 6455, section 4.2.2 */
const switchingProtocols = 101

async function connect<Queue extends MessageQueue>(
  request: WebSocketRequest,
  signal: Cancel,
  queue: (options: InboxOptions) => Queue,
): Promise<OpenWebSocket<Queue>> {
  const address = socketAddress(request.url)
  const limitMs = request.limits?.connectMs ?? connectMs
  const { runtime } = signal
  const dueAt = runtime.elapsed() + limitMs
  const socket = await dial(address, { limitMs }, signal)
  const webSocket = new OpenWebSocket(socket, request, {
    address,
    signal,
    queue,
    answerMs: Math.max(1, dueAt - runtime.elapsed()),
  })
  await webSocket.opened
  return webSocket
}

interface OpenWebSocketOptions<Queue> {
  readonly address: SocketAddress
  readonly signal: Cancel
  queue(options: InboxOptions): Queue
  /** Until the handshake is answered. */
  readonly answerMs: number
}

/** One connection, its timers and its listeners; `#letGo` frees all of them. */
class OpenWebSocket<Queue extends MessageQueue> {
  readonly messages: Queue
  readonly #socket: ByteSocket
  readonly #limits: WebSocketLimits
  readonly #runtime: Runtime
  readonly #tap: ByteTap | undefined
  readonly #handshake: Handshake
  readonly #reader: MessageReader
  readonly #opened = Promise.withResolvers<void>()
  /** Limits the handshake, and then the pings. */
  readonly #watchdog: Watchdog
  #isOpen = false
  #isPaused = false
  #heard = 0
  #hasPong = true
  /** The code of the close frame that we send. */
  #goodbye = 1000

  constructor(
    socket: ByteSocket,
    { headers, limits = {} }: WebSocketRequest,
    { address, signal, queue, answerMs }: OpenWebSocketOptions<Queue>,
  ) {
    this.#limits = limits
    this.#runtime = signal.runtime
    this.#tap = signal.tap
    this.#watchdog = new Watchdog(signal.runtime.timers, () =>
      this.#isOpen ? this.#beat() : this.#end(connectTimeout()),
    )
    this.#handshake = new Handshake(address, headers, signal.runtime)
    this.#reader = new MessageReader({ maxBytes: limits.maxMessageBytes ?? maxMessageBytes, isMasked: false })
    this.#socket = socket
    socket.write(Buffer.from(this.#handshake.text))
    this.#watchdog.feed(answerMs)
    // if the inbox ends first, no caller waits for this promise
    this.#opened.promise.catch(() => undefined)
    this.messages = queue({ signal, release: () => this.#letGo(signal), onTaken: () => this.#resume() })
    if (!this.messages.isOver) socket.attach({ bytes: this.#onBytes, closed: this.#onClosed })
  }

  /** Settles when the handshake has been answered. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  send(text: string): void {
    this.#tap?.sent(text)
    this.#write(text, opcodes.text)
  }

  close(): void {
    this.messages.close()
  }

  #write(payload: string | Uint8Array, opcode: number): void {
    if (this.#isOpen) this.#socket.write(frame(payload, { opcode, mask: this.#runtime.randomBytes(4) }))
  }

  readonly #onBytes = (bytes: Buffer): void => {
    const rest = this.#isOpen ? bytes : this.#open(bytes)
    if (!rest) return
    this.#heard += rest.length
    // any bytes count as a pong, because a pong has to wait for the end of a long frame
    this.#hasPong = true
    for (const message of this.#reader.push(rest)) {
      this.#hear(message)
      if (this.messages.isOver) return
    }
    // not `upstream-failed`: a retry would cost the same again
    if (this.#heard > maxBytes) this.#overflow('upstream-outdated', 'more than an answer can be')
    else if (this.messages.waitingBytes > pauseBytes) this.#pause()
  }

  /** @returns the bytes after the handshake; undefined until it has ended */
  #open(bytes: Buffer): Buffer | undefined {
    const rest = this.#handshake.read(bytes)
    if (rest instanceof ChatError) this.#end(rest)
    if (!rest || rest instanceof ChatError) return undefined
    this.#isOpen = true
    this.#opened.resolve()
    this.#beatLater()
    return rest
  }

  #hear(message: SocketMessage): void {
    if (message instanceof FrameFault) this.#refuse(message)
    else if (message.type === 'text') this.#hearText(message.text, message.size)
    else if (message.type === 'ping') this.#pong(message.payload)
    else if (message.type === 'close') this.#end(closeError(message.code))
    else if (message.type === 'binary') this.#hearBytes(message.payload)
  }

  #hearText(text: string, size: number): void {
    this.#tap?.received(text)
    this.messages.push(text, size)
  }

  #hearBytes(bytes: Buffer): void {
    this.#tap?.received(bytes)
    this.messages.pushBinary?.(bytes)
  }

  /** Sends no pong to a peer that does not read the earlier ones. */
  #pong(payload: Uint8Array): void {
    if (this.#socket.unsentBytes < maxUnsentBytes) this.#write(payload, opcodes.pong)
  }

  readonly #onClosed = (cause: unknown): void => {
    if (cause !== undefined) this.#end(transportError(cause, this.#isOpen ? 'within its answer' : 'before its reply'))
    else
      this.#end(
        disconnected(
          `The upstream closed its connection ${this.#isOpen ? 'without a close frame' : 'before its reply'}.`,
        ),
      )
  }

  /** Only a ping reveals that a peer has vanished. While the socket is paused its pong cannot arrive, so none is expected. */
  #beat(): void {
    if (!this.#hasPong && !this.#isPaused) {
      this.#end(disconnected('The upstream no longer answers on its connection.'))
      return
    }
    this.#hasPong = false
    if (!this.#isPaused) this.#write('', opcodes.ping)
    this.#beatLater()
  }

  #beatLater(): void {
    this.#watchdog.feed(this.#limits.pingMs ?? pingMs)
  }

  #pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  #resume(): void {
    if (!this.#isPaused || this.messages.isOver || this.messages.waitingBytes > pauseBytes / 2) return
    this.#isPaused = false
    this.#hasPong = true
    this.#socket.resume()
  }

  #refuse({ code }: FrameFault): void {
    this.#goodbye = code
    if (code === 1009) this.#overflow('upstream-failed', 'a message that is too large')
    else this.#end(disconnected('The upstream sent an invalid WebSocket frame.'))
  }

  #overflow(reason: Reason, what: string): void {
    this.#goodbye = 1009
    this.messages.abort(tooMuch(reason, what))
  }

  #end(error: ChatError): void {
    this.#opened.reject(error)
    this.messages.fail(error)
  }

  /** Sends a close frame and does not wait for an answer, because the peer may have vanished. */
  #letGo(signal: Cancel): void {
    this.#watchdog.stop()
    if (signal.aborted) this.#opened.reject(signal.reason)
    this.#write(closePayload(this.#goodbye), opcodes.close)
    this.#isOpen = false
    this.#socket.end()
  }
}
