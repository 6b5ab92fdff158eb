import { createHash } from 'node:crypto'
import type { EmulatedRequest, Exchange } from './http-emulator.ts'

/** The emulator's side of a WebSocket, byte-exact: what is not written is not sent. */
export interface EmulatedWebSocket {
  readonly request: EmulatedRequest
  /** Text messages of the client so far. */
  readonly received: readonly string[]
  /** Pings of the client so far. */
  readonly pings: () => number
  /** The code the client closed with; undefined as long as it has not said one. */
  readonly closeCode: () => number | undefined
  /** Resolves once the connection is gone; with the time by `performance.now()`. */
  readonly closed: Promise<number>
  isOpen(): boolean
  /** Sends a message in one frame. */
  send(text: string): Promise<void>
  /** Writes bytes as they are: frames of `frame`, split as a test likes. */
  raw(bytes: Uint8Array): Promise<void>
  /** Says goodbye and closes. */
  close(code: number, reason?: string): void
  /** Closes with FIN, without a goodbye. */
  finish(): void
  /** Closes with RST. */
  reset(): void
  /** Half-dead from now on: hears nothing and answers nothing, and the connection stands. */
  stall(): void
}

/**
 * Answers a handshake with 101; refuse one with `exchange.reply`. Answers pings and a goodbye by itself.
 * @param onText hears each text message of the client
 */
export function acceptWebSocket(
  exchange: Exchange,
  onText: (text: string, socket: EmulatedWebSocket) => void = () => undefined,
): EmulatedWebSocket {
  const received: string[] = []
  let pings = 0
  let closeCode: number | undefined
  let isStalled = false
  const hear: FrameListener = {
    text(text) {
      received.push(text)
      onText(text, socket)
    },
    ping(payload) {
      pings++
      void exchange.raw(frame(payload, { opcode: opcodes.pong }))
    },
    close(payload) {
      closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      void exchange.raw(frame(payload, { opcode: opcodes.close }))
      exchange.finish()
    },
  }
  const socket: EmulatedWebSocket = {
    request: exchange.request,
    received,
    pings: () => pings,
    closeCode: () => closeCode,
    closed: exchange.closed,
    isOpen: exchange.isOpen,
    send: (text) => exchange.raw(frame(text)),
    raw: exchange.raw,
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
  const readFrames = frameReader(hear)
  exchange.upgrade((bytes) => {
    if (!isStalled) readFrames(bytes)
  })
  void exchange.raw(handshake(exchange.request))
  return socket
}

/** Whether a request asks for a WebSocket. */
export function isUpgrade({ headers }: EmulatedRequest): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/** RFC 6455, section 4.2.2 */
function handshake({ headers }: EmulatedRequest): string {
  const accept = createHash('sha1')
    .update(`${headers.get('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  return `HTTP/1.1 101 Emulated\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`
}

/** RFC 6455, section 11.8 */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  readonly opcode?: number
  /** False where the message goes on in a further frame. */
  readonly isLast?: boolean
}

/** One frame of a server: unmasked. */
export function frame(
  payload: string | Uint8Array,
  { opcode = opcodes.text, isLast = true }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload)
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode, ...lengthBytes(bytes.length)]), bytes])
}

/** A text message in as many frames as `cuts` makes of it, which are offsets in its bytes. */
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

export function closeFrame(code: number, reason = ''): Buffer {
  return frame(Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]), { opcode: opcodes.close })
}

function lengthBytes(length: number): number[] {
  if (length < 126) return [length]
  if (length < 0x1_0000) return [126, length >> 8, length & 0xff]
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return [127, ...bytes]
}

interface FrameListener {
  text(text: string): void
  ping(payload: Buffer): void
  close(payload: Buffer): void
}

/** Reads a client's frames out of its bytes, however they are cut. */
function frameReader(listener: FrameListener): (bytes: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0)
  let message: Buffer[] = []
  return (bytes) => {
    buffer = Buffer.concat([buffer, bytes])
    for (let taken = takeFrame(buffer); taken; taken = takeFrame(buffer)) {
      buffer = buffer.subarray(taken.length)
      const { opcode, isLast, payload } = taken
      if (opcode === opcodes.ping) listener.ping(payload)
      else if (opcode === opcodes.close) listener.close(payload)
      else if (opcode === opcodes.text || opcode === opcodes.continuation) {
        message.push(payload)
        if (!isLast) continue
        listener.text(Buffer.concat(message).toString())
        message = []
      }
    }
  }
}

interface ClientFrame {
  readonly opcode: number
  readonly isLast: boolean
  readonly payload: Buffer
  /** Of the whole frame, in bytes. */
  readonly length: number
}

/** The first frame, once it is there. A client's frames are masked: RFC 6455, section 5.3 */
function takeFrame(buffer: Buffer): ClientFrame | undefined {
  if (buffer.length < 6) return undefined
  const first = buffer.readUInt8(0)
  const short = buffer.readUInt8(1) & 0x7f
  const lengthSize = { 126: 2, 127: 8 }[short] ?? 0
  if (buffer.length < 6 + lengthSize) return undefined
  const size = lengthSize === 0 ? short : lengthSize === 2 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
  const start = 6 + lengthSize
  if (buffer.length < start + size) return undefined
  const mask = buffer.subarray(start - 4, start)
  const payload = buffer.subarray(start, start + size).map((byte, at) => byte ^ (mask[at % 4] ?? 0))
  return { opcode: first & 0x0f, isLast: first >= 0x80, payload: Buffer.from(payload), length: start + size }
}
