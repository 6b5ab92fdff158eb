/** The head of an HTTP/1.1 message. */
export interface Head {
  /** The request line or the status line. */
  readonly start: string
  /** Names are in lower case. Fields of one name are joined by a comma. */
  readonly fields: ReadonlyMap<string, string>
}

export interface MessageListener {
  head(head: Head): void
  body(bytes: Buffer): void
  /** `isWhole` is false if the connection closed before the end of the message. */
  end(isWhole: boolean): void
}

type Framing = 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-close'

/** Splits a connection's bytes into HTTP/1.1 messages. It takes any split, and keeps no body. */
export class MessageReader {
  readonly #kind: 'request' | 'reply'
  readonly #listener: MessageListener
  #rest: Buffer = Buffer.alloc(0)
  #framing: Framing | undefined
  #left = 0

  constructor(kind: 'request' | 'reply', listener: MessageListener) {
    this.#kind = kind
    this.#listener = listener
  }

  /** Whether a message has begun and is not ended. */
  get isInMessage(): boolean {
    return this.#framing !== undefined || this.#rest.length > 0
  }

  /** @throws Error if the bytes are no HTTP/1.1 */
  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#step());
  }

  close(): void {
    if (this.#framing === 'until-close') this.#finish(true)
    else if (this.isInMessage) this.#finish(false)
  }

  #step(): boolean {
    switch (this.#framing) {
      case undefined:
        return this.#readHead()
      case 'length':
      case 'chunk':
        return this.#readBody()
      case 'until-close':
        if (this.#rest.length > 0) this.#listener.body(this.#take(this.#rest.length))
        return false
      case 'chunk-size':
        return this.#readChunkSize()
      case 'chunk-end':
        return this.#readLine(() => {
          this.#framing = 'chunk-size'
        })
      case 'trailers':
        return this.#readLine((line) => {
          if (line === '') this.#finish(true)
        })
    }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [start = '', ...lines] = this.#take(end + 4)
      .toString('latin1')
      .slice(0, -4)
      .split('\r\n')
    const fields = new Map<string, string>()
    for (const line of lines) {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      const value = line.slice(line.indexOf(':') + 1).trim()
      fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value)
    }
    // an interim reply (100 Continue) comes before the one that counts
    if (this.#kind === 'reply' && /^HTTP\/1\.[01] 1\d\d/.test(start)) return true
    this.#listener.head({ start, fields })
    this.#chooseFraming(start, fields)
    return true
  }

  #chooseFraming(start: string, fields: ReadonlyMap<string, string>): void {
    const isBodiless = / (204|304)( |$)/.test(start)
    const length = fields.get('content-length')
    if (this.#kind === 'reply' && isBodiless) this.#finish(true)
    else if (/chunked/i.test(fields.get('transfer-encoding') ?? '')) this.#framing = 'chunk-size'
    else if (length !== undefined) this.#expect(Number(length))
    else if (this.#kind === 'request') this.#finish(true)
    else this.#framing = 'until-close'
  }

  #expect(length: number): void {
    this.#framing = 'length'
    this.#left = length
    if (length === 0) this.#finish(true)
  }

  #readBody(): boolean {
    if (this.#rest.length === 0) return false
    const taken = this.#take(Math.min(this.#left, this.#rest.length))
    this.#left -= taken.length
    const isLast = this.#left === 0
    this.#listener.body(taken)
    if (isLast && this.#framing === 'length') this.#finish(true)
    else if (isLast) this.#framing = 'chunk-end'
    return true
  }

  #readChunkSize(): boolean {
    return this.#readLine((line) => {
      const size = Number.parseInt(line, 16)
      if (!(size >= 0)) throw new Error(`a chunk's size is ${JSON.stringify(line.slice(0, 80))}`)
      this.#framing = size === 0 ? 'trailers' : 'chunk'
      this.#left = size
    })
  }

  #readLine(use: (line: string) => void): boolean {
    const end = this.#rest.indexOf('\r\n')
    if (end === -1) return false
    use(this.#take(end + 2).toString('latin1', 0, end))
    return true
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  #finish(isWhole: boolean): void {
    this.#framing = undefined
    if (!isWhole) this.#rest = Buffer.alloc(0)
    this.#listener.end(isWhole)
  }
}
