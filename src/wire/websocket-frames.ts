/** RFC 6455, section 11.8 */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  /** Text by default. */
  readonly opcode?: number
  /** False if the message continues in another frame. */
  readonly isLast?: boolean
  /** Four bytes: a client's frames are masked, a server's are not. RFC 6455, section 5.3 */
  readonly mask?: Uint8Array
}

/** The bytes of one frame. */
export function frame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = opcodes.text, isLast = true, mask } = options
  const bytes = Buffer.from(payload)
  const [short = 0, ...long] = lengthBytes(bytes.length)
  const head = [(isLast ? 0x80 : 0) | opcode, short | (mask ? 0x80 : 0), ...long, ...(mask ?? [])]
  return Buffer.concat([Buffer.from(head), mask ? masked(bytes, mask) : bytes])
}

/** The payload of a close frame. */
export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
}

/** The value by which a server proves that it answers this handshake. RFC 6455, section 4.2.2 */
export function acceptKey(key: string): string {
  return new Bun.CryptoHasher('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

function lengthBytes(length: number): number[] {
  if (length < 126) return [length]
  if (length < 0x1_0000) return [126, length >> 8, length & 0xff]
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return [127, ...bytes]
}

function masked(bytes: Uint8Array, mask: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0)))
}

export interface Frame {
  readonly opcode: number
  readonly isLast: boolean
  readonly isMasked: boolean
  readonly payload: Buffer
}

/** Marks invalid bytes of a peer. Our close frame sends the code to the peer. RFC 6455, section 7.4.1 */
export class FrameFault {
  readonly code: 1002 | 1007 | 1009
  constructor(code: 1002 | 1007 | 1009) {
    this.code = code
  }
}

interface Head {
  readonly opcode: number
  readonly isLast: boolean
  readonly mask: Buffer | undefined
  readonly payloadLength: number
}

/** Cuts bytes into frames, however they are split. It joins the bytes of a frame once all are there, not at every read. */
export class FrameReader {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #held = 0
  #head: Head | undefined

  /** @param maxBytes limit for one frame */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True while a frame is unfinished. */
  get isWithinFrame(): boolean {
    return this.#head !== undefined || this.#held > 0
  }

  /** Yields the frames that these bytes complete, and a `FrameFault` if the next one is invalid. */
  *push(bytes: Buffer): Generator<Frame | FrameFault> {
    this.#parts.push(bytes)
    this.#held += bytes.length
    for (;;) {
      this.#head ??= this.#takeHead()
      if (!this.#head) return
      const { mask, payloadLength, opcode, isLast } = this.#head
      const fault = this.#faultOf(this.#head)
      if (fault) yield fault
      if (fault || this.#held < payloadLength) return
      const payload = this.#take(payloadLength)
      this.#head = undefined
      yield { opcode, isLast, isMasked: mask !== undefined, payload: mask ? masked(payload, mask) : payload }
    }
  }

  #faultOf({ opcode, isLast, payloadLength }: Head): FrameFault | undefined {
    if (payloadLength > this.#maxBytes) return new FrameFault(1009)
    const isControl = (opcode & 0x08) !== 0
    return isControl && (!isLast || payloadLength > 125) ? new FrameFault(1002) : undefined
  }

  #takeHead(): Head | undefined {
    if (this.#held < 2) return undefined
    const start = this.#peek(14)
    const [flags = 0, lengthByte = 0] = start
    const short = lengthByte & 0x7f
    const isMasked = lengthByte >= 0x80
    const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0
    const headLength = 2 + lengthSize + (isMasked ? 4 : 0)
    if (start.length < headLength) return undefined
    const head = this.#take(headLength)
    return {
      // the reserved bits stay in the opcode, so that an opcode with one of them is unknown
      opcode: flags & 0x7f,
      isLast: flags >= 0x80,
      mask: isMasked ? head.subarray(-4) : undefined,
      payloadLength:
        lengthSize === 0 ? short : lengthSize === 2 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2)),
    }
  }

  /** Returns the first `length` bytes and perhaps more; less only if there are no more. */
  #peek(length: number): Buffer {
    const first = this.#parts[0]
    // a single part is returned even if it is shorter, because there are no other bytes
    if (first && (this.#parts.length === 1 || first.length >= length)) return first
    return this.#joined().subarray(0, length)
  }

  #take(length: number): Buffer {
    const whole = this.#joined()
    this.#parts = whole.length > length ? [whole.subarray(length)] : []
    this.#held -= length
    return whole.subarray(0, length)
  }

  #joined(): Buffer {
    const [first, ...rest] = this.#parts
    const whole = first && rest.length === 0 ? first : Buffer.concat(this.#parts)
    this.#parts = [whole]
    return whole
  }
}
