import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { KeptBytes } from '../http/kept-bytes.ts'
import { type Head, MessageReader } from '../http/message-reader.ts'
import { write } from '../http/writing.ts'

/** Reads one reply as it arrives. */
export interface ReplyListener {
  head(status: number, fields: ReadonlyMap<string, string>): void
  body(bytes: Buffer): void
  /** `isWhole` is false if the connection closed within the reply. */
  end(isWhole: boolean): void
}

/** A client's connection to the gateway: plain bytes, so that nothing mends what is wrong with them. */
export class ClientConnection {
  readonly sent = new KeptBytes()
  readonly received = new KeptBytes()
  readonly #socket: Socket
  readonly #reader: MessageReader
  readonly #closed = Promise.withResolvers<void>()
  #listener: ReplyListener | undefined

  constructor(url: string) {
    const { hostname, port, protocol } = new URL(url)
    const isTls = protocol === 'https:'
    const place = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (isTls ? 443 : 80)) }
    this.#socket = isTls ? connectTls({ ...place, servername: hostname }) : connect({ ...place, noDelay: true })
    this.#reader = new MessageReader('reply', {
      head: ({ start, fields }: Head) => this.#listener?.head(Number(start.split(' ')[1]), fields),
      body: (bytes) => this.#listener?.body(bytes),
      end: (isWhole) => this.#end(isWhole),
    })
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes))
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.#reader.close()
      this.#end(false)
      this.#closed.resolve()
    })
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Resolves when the connection is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Sends a request. The listener is told of the reply. */
  request(bytes: string | Buffer, listener: ReplyListener): void {
    this.#listener = listener
    if (this.isClosed) this.#end(false)
    else void this.write(bytes)
  }

  async write(bytes: string | Buffer): Promise<void> {
    this.sent.push(Buffer.from(bytes))
    await write(this.#socket, bytes)
  }

  /** Stops reading, as a client that is slow. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Leaves, as a client that was stopped. */
  leave(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.received.push(bytes)
    try {
      this.#reader.push(bytes)
    } catch {
      this.leave()
    }
  }

  #end(isWhole: boolean): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.end(isWhole)
  }
}
