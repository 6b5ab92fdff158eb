import { acceptKey, closePayload, FrameReader, frame, opcodes } from '../websocket-frames.ts'
import { MessageReader, type SocketMessage } from '../websocket-messages.ts'
import type { EmulatedExchange, EmulatedRequest } from './http.ts'

/** The emulator's side of a WebSocket. It sends exactly what is written. */
export interface EmulatedWebSocket {
  readonly request: EmulatedRequest
  /** The client's text messages so far. */
  readonly received: readonly string[]
  /** How many pings the client has sent so far. */
  readonly pings: () => number
  /** The code of the client's close frame; undefined before it. */
  readonly closeCode: () => number | undefined
  /** Resolves when the connection has ended, with the time of `performance.now()`. */
  readonly closed: Promise<number>
  isOpen(): boolean
  /** Sends a message in one frame. */
  send(text: string): Promise<void>
  /** Writes bytes unchanged: frames that `frame` made, split where a test needs it. */
  raw(bytes: Uint8Array): Promise<void>
  /** Sends a close frame and closes. */
  close(code: number, reason?: string): void
  /** Closes with FIN, without a close frame. */
  finish(): void
  /** Closes with RST. */
  reset(): void
  /** From now on the peer neither reads nor answers, but the connection stays open. */
  stall(): void
}

/**
 * Answers a handshake with 101; `exchange.reply` refuses one instead. It answers pings, and closes after a close frame.
 * @param onText gets each text message of the client
 */
export function acceptWebSocket(
  exchange: EmulatedExchange,
  onText: (text: string, socket: EmulatedWebSocket) => void = () => undefined,
): EmulatedWebSocket {
  const received: string[] = []
  let pings = 0
  let closeCode: number | undefined
  let isStalled = false
  const queue = new FrameQueue(exchange.raw)
  const hear = (message: SocketMessage) => {
    if (!('type' in message)) return exchange.reset()
    if (message.type === 'text') {
      received.push(message.text)
      onText(message.text, socket)
    } else if (message.type === 'ping') {
      pings++
      queue.writeBetweenFrames(frame(message.payload, { opcode: opcodes.pong }))
    } else if (message.type === 'close') {
      closeCode = message.code
      exchange.finish()
    }
  }
  const socket: EmulatedWebSocket = {
    request: exchange.request,
    received,
    pings: () => pings,
    closeCode: () => closeCode,
    closed: exchange.closed,
    isOpen: exchange.isOpen,
    send: (text) => queue.write(frame(text)),
    raw: (bytes) => queue.write(bytes),
    close(code, reason = '') {
      void exchange.raw(closeFrame(code, reason))
      exchange.finish()
    },
    finish: exchange.finish,
    reset: exchange.reset,
    stall() {
      isStalled = true
    },
  }
  const reader = new MessageReader({ maxBytes: Number.POSITIVE_INFINITY, isMasked: true })
  exchange.upgrade((bytes) => {
    if (isStalled) return
    for (const message of reader.push(bytes)) hear(message)
  })
  void exchange.raw(handshake(exchange.request))
  return socket
}

/**
 * Writes the script's bytes at once, and the emulator's own frames only between two frames of the script: a script that
 * writes a frame byte by byte on a busy machine may not have finished it when the client pings.
 */
class FrameQueue {
  readonly #write: (bytes: Uint8Array) => Promise<void>
  readonly #frames = new FrameReader(Number.POSITIVE_INFINITY)
  readonly #waiting: Uint8Array[] = []

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  write(bytes: Uint8Array): Promise<void> {
    for (const _ of this.#frames.push(Buffer.from(bytes)));
    const written = this.#write(bytes)
    this.#flush()
    return written
  }

  writeBetweenFrames(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.#flush()
  }

  #flush(): void {
    if (this.#frames.isWithinFrame) return
    for (const bytes of this.#waiting.splice(0)) void this.#write(bytes)
  }
}

/** Whether a request asks for a WebSocket. */
export function isUpgrade({ headers }: EmulatedRequest): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/** RFC 6455, section 4.2.2 */
function handshake({ headers }: EmulatedRequest): string {
  const accept = acceptKey(headers.get('sec-websocket-key') ?? '')
  return `HTTP/1.1 101 Emulated\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`
}

export function closeFrame(code: number, reason?: string): Buffer {
  return frame(closePayload(code, reason), { opcode: opcodes.close })
}

/** A text message in several frames. @param cuts where the frames begin, as byte offsets */
export function fragments(text: string, cuts: readonly number[]): Buffer {
  const bytes = Buffer.from(text)
  const edges = [0, ...cuts, bytes.length]
  const last = edges.length - 2
  return Buffer.concat(
    edges.slice(1).map((end, at) =>
      frame(bytes.subarray(edges[at], end), {
        opcode: at === 0 ? opcodes.text : opcodes.continuation,
        isLast: at === last,
      }),
    ),
  )
}
