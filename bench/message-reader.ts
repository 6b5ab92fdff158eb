/** Gets one HTTP/1.1 message after the other. A message without `content-length` or chunks has no body. */
export type MessageSink = {
  readonly head: (head: string) => void
  readonly body: (bytes: Buffer) => void
  readonly end: () => void
}

const nothing: Buffer = Buffer.alloc(0)

/** Reads the HTTP/1.1 messages of one connection, wherever the bytes are cut. Trailers are skipped. */
export class MessageReader {
  readonly #sink: MessageSink
  #pending = nothing
  #expects: 'head' | 'data' | 'line' = 'head'
  #remainingBytes = 0
  #isChunked = false
  #isLastChunk = false

  constructor(sink: MessageSink) {
    this.#sink = sink
  }

  push(bytes: Buffer): void {
    let rest = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes
    this.#pending = nothing
    while (rest.length > 0) {
      const usedBytes = this.#step(rest)
      if (usedBytes === 0) {
        this.#pending = rest
        return
      }
      rest = rest.subarray(usedBytes)
    }
  }

  #step(bytes: Buffer): number {
    if (this.#expects === 'data') return this.#readData(bytes)
    const terminator = this.#expects === 'head' ? '\r\n\r\n' : '\r\n'
    const length = bytes.indexOf(terminator)
    if (length < 0) return 0
    const text = bytes.toString('latin1', 0, length)
    if (this.#expects === 'head') this.#readHead(text)
    else this.#readLine(text)
    return length + terminator.length
  }

  #readHead(head: string): void {
    this.#sink.head(head)
    this.#isChunked = /\r\ntransfer-encoding: *chunked/i.test(head)
    this.#isLastChunk = false
    this.#remainingBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#isChunked) this.#expects = 'line'
    else if (this.#remainingBytes > 0) this.#expects = 'data'
    else this.#sink.end()
  }

  #readData(bytes: Buffer): number {
    const data = bytes.subarray(0, this.#remainingBytes)
    this.#remainingBytes -= data.length
    if (this.#remainingBytes === 0) this.#expects = this.#isChunked ? 'line' : 'head'
    this.#sink.body(data)
    if (this.#expects === 'head') this.#sink.end()
    return data.length
  }

  /**
   * Reads the size of a chunk, or the empty line after a chunk's data or after the last chunk, which ends the message.
   */
  #readLine(line: string): void {
    if (line === '') {
      if (!this.#isLastChunk) return
      this.#expects = 'head'
      this.#sink.end()
      return
    }
    if (this.#isLastChunk) return
    this.#remainingBytes = Number.parseInt(line, 16)
    this.#isLastChunk = this.#remainingBytes === 0
    if (!this.#isLastChunk) this.#expects = 'data'
  }
}
