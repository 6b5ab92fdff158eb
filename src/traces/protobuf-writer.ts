/** Characters of a text whose length takes one byte in any case: a character has three bytes at most. */
const shortText = 42
const firstBytes = 64 * 1024
/** Bytes that are free after each `begin` and each text, so that numbers need not look whether there is room. */
const slack = 64
/** Limit for the bytes that are kept from one export to the next. */
const keptBytes = 4 * 1024 * 1024

/** Writes the fields of a protobuf message, one after the other, in one pass. The bytes are used again for the next message. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(firstBytes)
  #at = 0

  /** Begins anew. */
  clear(): void {
    this.#at = 0
    if (this.#bytes.length > keptBytes) this.#bytes = Buffer.allocUnsafe(firstBytes)
  }

  get length(): number {
    return this.#at
  }

  /** What was written; it changes with the next message. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    let rest = value
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#at++] = rest
  }

  /** Any whole number, as `int64`. */
  integer(value: number): void {
    if (value >= 0) {
      this.varint(value)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) this.byte(Number(rest & 127n) | 128)
    this.byte(Number(rest))
  }

  double(value: number): void {
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  fixed32(value: number): void {
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = value
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value >>> 16
    bytes[at + 3] = value >>> 24
    this.#at = at + 4
  }

  /** Nanoseconds since 1970, which are more than a number can hold. */
  nanos(seconds: number, nanos: number): void {
    const upper = Math.floor(seconds / 65_536) * 1e9
    const lower = (seconds % 65_536) * 1e9 + nanos
    const low = (upper % 65_536) * 65_536 + (lower % 4_294_967_296)
    this.fixed32(low % 4_294_967_296)
    this.fixed32(Math.floor(upper / 65_536) + Math.floor(lower / 4_294_967_296) + Math.floor(low / 4_294_967_296))
  }

  /** A text with its length. */
  text(text: string): void {
    this.#room(3 * text.length + 8)
    if (text.length <= shortText) {
      this.#shortText(text)
      return
    }
    this.varint(Buffer.byteLength(text))
    this.#at += this.#bytes.write(text, this.#at)
  }

  /** Most texts are short and of ASCII: then a call of the platform takes longer than the text. */
  #shortText(text: string): void {
    const bytes = this.#bytes
    let at = this.#at
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 127) {
        at = this.#at + bytes.write(text, this.#at + 1)
        break
      }
      bytes[++at] = code
    }
    bytes[this.#at] = at - this.#at
    this.#at = at + 1
  }

  /** An id, given as small hexadecimal digits, with its length. */
  hex(digits: string): void {
    const length = digits.length / 2
    this.#room(length + 1)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = length
    for (let index = 0; index < digits.length; index += 2)
      bytes[at++] = (digitOf(digits.charCodeAt(index)) << 4) | digitOf(digits.charCodeAt(index + 1))
    this.#at = at
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    const own = this.#bytes
    const at = this.#at
    // for so few bytes a call of the platform takes longer
    for (let index = 0; index < bytes.length; index++) own[at + index] = bytes[index] ?? 0
    this.#at = at + bytes.length
  }

  /**
   * Begins a message within this one. It is moved if its length takes another number of bytes.
   * @param reserved bytes for its length
   * @returns what `end` needs
   */
  begin(reserved: number): number {
    this.#room(reserved)
    this.#at += reserved
    return this.#at
  }

  /** Ends the message, and writes its length before it. */
  end(start: number, reserved: number): void {
    const length = this.#at - start
    if (length < 128 && reserved === 1) {
      this.#bytes[start - 1] = length
      return
    }
    const needed = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4
    if (needed !== reserved) this.#bytes.copyWithin(start + needed - reserved, start, this.#at)
    this.#at = start - reserved
    this.varint(length)
    this.#at += length
  }

  #room(count: number): void {
    const needed = this.#at + count + slack
    if (needed <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, needed))
    this.#bytes.copy(bytes, 0, 0, this.#at)
    this.#bytes = bytes
  }
}

function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87
}
