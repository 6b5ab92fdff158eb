import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { ByteSocket, IdleSockets, SocketEvents } from '../flow/network.ts'
import type { BodyPiece, BodySource } from './http-body.ts'
import type { ReplyHead } from './http-head.ts'
import { ReplyParser, type ReplySink } from './http-parser.ts'
import type { ReplyHeaders } from './reply-headers.ts'
import { transportError } from './transport-error.ts'

/** Bytes that may wait for the reader. Above this the socket is paused. */
const pauseBytes = 64 * 1024
/** Limit for the bytes that the reader gets at once. */
const pieceBytes = 32 * 1024

const noHeaders: ReplyHeaders = new Headers()

export interface ExchangeOptions {
  readonly method: string
  /** Ends the exchange when it is aborted. */
  readonly signal: Cancel
  /** The key under which the connection is kept for another exchange; absent if it must be closed. */
  readonly keepAs: string | undefined
}

/**
 * One request and its reply on a connection. Bytes that arrive wait for the reader, and the socket is paused while many
 * wait. The connection is kept if it can carry another exchange, otherwise it is closed.
 */
export class HttpExchange implements SocketEvents, ReplySink, BodySource {
  readonly #socket: ByteSocket
  readonly #idle: IdleSockets
  readonly #keepAs: string | undefined
  readonly #parser: ReplyParser
  /** The wait for the head of the reply. */
  #starting: PromiseWithResolvers<void> | undefined
  #head: ReplyHead | undefined
  /** Whether any byte of the reply has come. If not, the server may never have seen the request. */
  hasReply = false
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #reader: PromiseWithResolvers<BodyPiece> | undefined
  #isPaused = false
  #isWhole = false
  #isOver = false
  readonly #signal: Cancel
  #failure: { readonly error: unknown } | undefined

  /** Sends the request. */
  constructor(socket: ByteSocket, request: readonly Uint8Array[], { method, signal, keepAs }: ExchangeOptions) {
    this.#socket = socket
    this.#idle = signal.runtime.network.idle
    this.#keepAs = keepAs
    this.#parser = new ReplyParser(method, this)
    this.#signal = signal
    signal.add(this)
    if (signal.aborted) return
    socket.attach(this)
    for (const piece of request) socket.write(piece)
  }

  /** Resolves when the reply's head has come. @throws the failure before it */
  async start(): Promise<void> {
    if (this.#failure) throw this.#failure.error
    if (this.#head) return
    this.#starting = Promise.withResolvers()
    await this.#starting.promise
  }

  get status(): number {
    return this.#head?.status ?? 0
  }

  get headers(): ReplyHeaders {
    return this.#head?.headers ?? noHeaders
  }

  get statedBytes(): number | undefined {
    return this.#head?.framing.type === 'counted' ? this.#head.framing.length : undefined
  }

  read(): BodyPiece | Promise<BodyPiece> {
    const piece = this.#takeWaiting()
    if (piece) return piece
    if (this.#failure) throw this.#failure.error
    if (this.#isOver) return undefined
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  cancel(): void {
    if (!this.#isOver) this.abort(new ChatError('cancelled', { message: 'The reply is no longer needed.' }))
  }

  /** Ends the exchange with an error and drops the bytes that wait. */
  abort(error: unknown): void {
    this.#waiting = []
    this.#fail(error)
  }

  /** From now on the signal no longer ends the exchange. */
  release(): void {
    this.#signal.remove(this)
  }

  bytes(bytes: Buffer): void {
    this.hasReply = true
    try {
      const taken = this.#parser.push(bytes)
      // a connection on which bytes follow a reply is out of step
      if (this.#isWhole) this.#finish(taken === bytes.length ? this.#keepAs : undefined)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  closed(cause: unknown): void {
    try {
      if (cause !== undefined) throw transportError(cause, this.#head ? 'within its reply' : 'before its reply')
      this.#parser.close()
      this.#finish(undefined)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  head(head: ReplyHead): void {
    this.#head = head
    this.#starting?.resolve()
    this.#starting = undefined
  }

  body(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    const reader = this.#reader
    if (reader) {
      this.#reader = undefined
      reader.resolve(this.#takeWaiting())
    }
    if (this.#waitingBytes <= pauseBytes || this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  end(): void {
    this.#isWhole = true
  }

  /** Takes at most `pieceBytes` of the bytes that wait, because the events in a piece wait for a reader too. */
  #takeWaiting(): Buffer | undefined {
    const first = this.#waiting[0]
    if (!first) return undefined
    const value = first.length > pieceBytes ? first.subarray(0, pieceBytes) : first
    if (value === first) this.#waiting.shift()
    else this.#waiting[0] = first.subarray(pieceBytes)
    this.#waitingBytes -= value.length
    if (this.#isPaused) this.#resume()
    return value
  }

  #resume(): void {
    if (this.#waitingBytes > pauseBytes / 2) return
    this.#isPaused = false
    this.#socket.resume()
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = { error }
    this.#starting?.reject(error)
    this.#starting = undefined
    this.#finish(undefined)
  }

  /** @param keepAs the key under which the connection is kept */
  #finish(keepAs: string | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#signal.remove(this)
    const reader = this.#reader
    this.#reader = undefined
    if (this.#failure) reader?.reject(this.#failure.error)
    else reader?.resolve(undefined)
    if (this.#isPaused) this.#socket.resume()
    this.#isPaused = false
    this.#free(keepAs)
  }

  #free(keepAs: string | undefined): void {
    if (keepAs === undefined || !this.#head?.keepsAlive) this.#socket.destroy()
    else this.#idle.put(keepAs, this.#socket, this.#head.keepAliveMs)
  }
}
