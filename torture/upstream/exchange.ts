import type { Socket } from 'node:net'
import { KeptBytes } from '../http/kept-bytes.ts'
import type { Head } from '../http/message-reader.ts'
import { chunkOf, lastChunk, write } from '../http/writing.ts'
import type { Surface } from '../talk/surface.ts'
import type { Answer, Json } from '../talk/talk.ts'
import type { UpstreamDialect, UpstreamError } from './dialect.ts'
import { upstreamDialects } from './dialects.ts'

/** What a request to the upstream is answered with. */
export type Script = (exchange: UpstreamExchange) => Promise<void>

interface Asked {
  readonly head: Head
  readonly surface: Surface
  readonly text: string
  readonly attempt: number
}

/** One request that the upstream got, and the answer to it. */
export class UpstreamExchange {
  readonly head: Head
  readonly surface: Surface
  /** The request's body as text, and parsed. */
  readonly text: string
  readonly body: Json
  /** Counts the requests with the same token, from 0. */
  readonly attempt: number
  readonly isStream: boolean
  readonly written = new KeptBytes()
  readonly #socket: Socket
  readonly #closed = Promise.withResolvers<void>()
  #isEnded = false

  constructor(socket: Socket, { head, surface, text, attempt }: Asked) {
    this.#socket = socket
    this.head = head
    this.surface = surface
    this.text = text
    this.body = JSON.parse(text)
    this.attempt = attempt
    this.isStream = this.body.stream === true
  }

  get dialect(): UpstreamDialect {
    return upstreamDialects[this.surface]
  }

  /** Resolves when the gateway's connection is closed, by either side. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Whether the answer was given to its end. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Bytes that have left this process. */
  get sentBytes(): number {
    return this.written.count - this.#socket.writableLength
  }

  /** The credential with which the gateway asked. */
  get credential(): string {
    const { fields } = this.head
    return (fields.get('authorization') ?? fields.get('x-api-key') ?? '').replace(/^Bearer /, '')
  }

  async beginStream(fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked', ...fields }
    await this.raw(headOf(200, all))
  }

  /** Sends a part of a streamed body, as one chunk of HTTP. */
  async send(bytes: string | Buffer): Promise<void> {
    await this.raw(chunkOf(bytes))
  }

  async endStream(): Promise<void> {
    this.#isEnded = true
    await this.raw(lastChunk)
  }

  async json(body: object, status = 200, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const text = Buffer.from(JSON.stringify(body))
    const all = { 'content-type': 'application/json', 'content-length': String(text.length), ...fields }
    this.#isEnded = true
    await this.raw(Buffer.concat([Buffer.from(headOf(status, all)), text]))
  }

  async fail(status: number, error: UpstreamError, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.json(this.dialect.error(error), status, fields)
  }

  /** Gives a whole answer as the request asks for it: as a stream or as JSON. */
  async answer(answer: Answer): Promise<void> {
    if (!this.isStream) return await this.json(this.dialect.whole(answer, this.body))
    await this.beginStream()
    for (const frame of this.frames(answer)) await this.send(frame)
    await this.endStream()
  }

  frames(answer: Answer): readonly string[] {
    return this.dialect.frames(answer, this.body)
  }

  async raw(bytes: string | Buffer): Promise<void> {
    this.written.push(Buffer.from(bytes))
    await write(this.#socket, bytes)
  }

  /** Closes the connection after what was written. */
  drop(): void {
    this.#socket.end()
  }

  /** Breaks the connection. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  onClose(): void {
    this.#closed.resolve()
  }
}

const phrases: Readonly<Record<number, string>> = { 200: 'OK', 400: 'Bad Request', 429: 'Too Many Requests' }

function headOf(status: number, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${phrases[status] ?? 'Status'}\r\n${lines.join('')}\r\n`
}
