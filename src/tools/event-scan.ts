const ends = ['\n\n', '\r\n\r\n', '\r\r'] as const

/** Looks on as events pass, without reading them: how long the one is that has begun, and whether any bore an id. */
export class EventScan {
  /** The last bytes of what has passed, where an end may have begun. */
  #tail = '\n'
  #length = 0
  #hasId = false

  /** Bytes since the last blank line; of a body that is no event stream, since its beginning. */
  get length(): number {
    return this.#length
  }

  /** With an id the stream can be taken up again after it (`Last-Event-ID`). */
  get hasId(): boolean {
    return this.#hasId
  }

  push(bytes: Uint8Array): void {
    const text = this.#tail + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    const end = Math.max(...ends.map((sequence) => text.lastIndexOf(sequence)))
    this.#length = end === -1 ? this.#length + bytes.byteLength : text.length - end
    this.#hasId ||= /[\r\n]id:/.test(text)
    this.#tail = text.slice(-4)
  }
}
