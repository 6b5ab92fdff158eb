const ends = ['\n\n', '\r\n\r\n', '\r\r'] as const
/** An id that is longer is not noticed where the bytes are cut within it. */
const tailLength = 512

/** Looks on as events pass, without reading them: how long the one is that has begun, and the last id that any bore. */
export class EventScan {
  /** The last characters of what has passed, where an end or an id may have begun. */
  #tail = '\n'
  #length = 0
  #lastId: string | undefined

  /** Bytes since the last blank line; of a body that is no event stream, since its beginning. */
  get length(): number {
    return this.#length
  }

  /** With one the stream can be taken up again after it (`Last-Event-ID`). */
  get lastId(): string | undefined {
    return this.#lastId
  }

  push(bytes: Uint8Array): void {
    const text = this.#tail + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    const end = Math.max(...ends.map((sequence) => text.lastIndexOf(sequence)))
    this.#length = end === -1 ? this.#length + bytes.byteLength : text.length - end
    for (const [, id] of text.matchAll(/[\r\n]id: ?([^\r\n]{1,256})(?=[\r\n])/g)) this.#lastId = id
    this.#tail = text.slice(-tailLength)
  }
}
