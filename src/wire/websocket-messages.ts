import { type Frame, FrameFault, FrameReader, opcodes } from './websocket-frames.ts'

/** A message or control frame of a peer. */
export type SocketMessage =
  | { readonly type: 'text'; readonly text: string; readonly size: number }
  | { readonly type: 'binary' | 'ping' | 'pong'; readonly payload: Buffer }
  | { readonly type: 'close'; readonly code: number }
  | FrameFault

export interface MessageReaderOptions {
  /** Limit for one message. */
  readonly maxBytes: number
  /** Whether the bytes are masked: a client's are, a server's are not. RFC 6455, section 5.1 */
  readonly isMasked: boolean
}

/** The cost of a fragment in addition to its bytes: a million empty ones need memory too. */
const fragmentBytes = 64

/** Joins a peer's frames to messages, however they are fragmented. */
export class MessageReader {
  readonly #options: MessageReaderOptions
  readonly #frames: FrameReader
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  /** The opcode of the message that is not complete yet. */
  #opcode: number | undefined
  #parts: Buffer[] = []
  #size = 0

  constructor(options: MessageReaderOptions) {
    this.#options = options
    this.#frames = new FrameReader(options.maxBytes)
  }

  /** Yields the messages that these bytes complete. After a `FrameFault` or a `close` nothing more should be read. */
  *push(bytes: Buffer): Generator<SocketMessage> {
    for (const read of this.#frames.push(bytes)) {
      const message = read instanceof FrameFault ? read : this.#message(read)
      if (message) yield message
      if (message instanceof FrameFault) return
    }
  }

  #message(read: Frame): SocketMessage | undefined {
    if (read.isMasked !== this.#options.isMasked) return new FrameFault(1002)
    switch (read.opcode) {
      case opcodes.ping:
        return { type: 'ping', payload: read.payload }
      case opcodes.pong:
        return { type: 'pong', payload: read.payload }
      case opcodes.close:
        // 1005 means that the frame had no code
        return { type: 'close', code: read.payload.length >= 2 ? read.payload.readUInt16BE(0) : 1005 }
      case opcodes.text:
      case opcodes.binary:
        if (this.#opcode !== undefined) return new FrameFault(1002)
        this.#opcode = read.opcode
        return this.#grow(read)
      case opcodes.continuation:
        return this.#opcode === undefined ? new FrameFault(1002) : this.#grow(read)
      default:
        return new FrameFault(1002)
    }
  }

  #grow({ payload, isLast }: Frame): SocketMessage | undefined {
    this.#size += payload.length + (this.#parts.length > 0 ? fragmentBytes : 0)
    this.#parts.push(payload)
    if (this.#size > this.#options.maxBytes) return new FrameFault(1009)
    if (!isLast) return undefined
    const whole = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts)
    const isText = this.#opcode === opcodes.text
    this.#opcode = undefined
    this.#parts = []
    this.#size = 0
    return isText ? this.#text(whole) : { type: 'binary', payload: whole }
  }

  #text(bytes: Buffer): SocketMessage {
    try {
      return { type: 'text', text: this.#decoder.decode(bytes), size: bytes.length }
    } catch {
      return new FrameFault(1007)
    }
  }
}
