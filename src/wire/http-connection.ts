import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { ByteSocket } from '../flow/network.ts'
import type { BodySource, BodyStep } from './http-body.ts'
import type { ReplyHead } from './http-head.ts'
import { ReplyParser, type ReplySink } from './http-parser.ts'
import { transportError } from './transport-error.ts'

/** Bytes that may wait for the reader. Above this the socket is paused. */
const pauseBytes = 64 * 1024
/** Limit for the bytes that the reader gets at once. */
const pieceBytes = 32 * 1024

const done = { done: true, value: undefined } as const

/** @param keepAliveMs milliseconds for which the server says that it waits for another request */
export type OnFree = (socket: ByteSocket, keepAliveMs: number | undefined) => void

/** A connection to an upstream while it carries one exchange. */
export class HttpConnection {
  readonly #socket: ByteSocket
  readonly #onFree: OnFree
  #exchange: HttpExchange | undefined

  /** @param onFree called when the connection can carry another exchange; a connection that cannot is closed */
  constructor(socket: ByteSocket, onFree: OnFree) {
    this.#socket = socket
    this.#onFree = onFree
    socket.attach(this)
  }

  /** Sends a request. The returned exchange has `started` when the reply's head has come. */
  begin(request: readonly Uint8Array[], method: string, signal: Cancel): HttpExchange {
    const exchange = new HttpExchange(this.#socket, { method, onOver: (isKept) => this.#release(isKept) })
    this.#exchange = exchange
    exchange.endWith(signal)
    if (!signal.aborted) for (const piece of request) this.#socket.write(piece)
    return exchange
  }

  bytes(bytes: Buffer): void {
    if (this.#exchange) this.#exchange.take(bytes)
    // bytes that arrive without a request would be read as the next reply
    else this.#socket.destroy()
  }

  closed(cause: unknown): void {
    this.#exchange?.hangUp(cause)
  }

  #release(head: ReplyHead | undefined): void {
    this.#exchange = undefined
    if (head?.keepsAlive && !this.#socket.isClosed && this.#socket.unsentBytes === 0)
      this.#onFree(this.#socket, head.keepAliveMs)
    else this.#socket.destroy()
  }
}

interface ExchangeOptions {
  readonly method: string
  /** Called once. @param head present if the reply is complete. If bytes follow the reply, `keepsAlive` is false */
  readonly onOver: (head: ReplyHead | undefined) => void
}

/** One request and its reply. Bytes that arrive wait for the reader, and the socket is paused while many wait. */
export class HttpExchange implements ReplySink, BodySource {
  readonly #socket: ByteSocket
  readonly #options: ExchangeOptions
  readonly #parser: ReplyParser
  readonly #started = Promise.withResolvers<void>()
  #head: ReplyHead | undefined
  /** Whether any byte of the reply has come. If not, the server may never have seen the request. */
  hasReply = false
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #reader: PromiseWithResolvers<BodyStep> | undefined
  #isPaused = false
  #isWhole = false
  #isOver = false
  #letGo: () => void = () => undefined
  #failure: { readonly error: unknown } | undefined

  constructor(socket: ByteSocket, options: ExchangeOptions) {
    this.#socket = socket
    this.#options = options
    this.#parser = new ReplyParser(options.method, this)
  }

  /** From now on the exchange ends when the signal is aborted. */
  endWith(signal: Cancel): void {
    this.#letGo = signal.onAbort(() => this.abort(signal.reason))
  }

  /** Settles when the reply's head has come, or the exchange has failed. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  get status(): number {
    return this.#head?.status ?? 0
  }

  get headers(): Headers {
    return this.#head?.headers ?? new Headers()
  }

  get statedBytes(): number | undefined {
    return this.#head?.framing.type === 'counted' ? this.#head.framing.length : undefined
  }

  read(): Promise<BodyStep> {
    const value = this.#takeWaiting()
    if (value) return Promise.resolve({ done: false, value })
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (this.#isOver) return Promise.resolve(done)
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

  /** Takes bytes from the network. */
  take(bytes: Buffer): void {
    this.hasReply = true
    try {
      const taken = this.#parser.push(bytes)
      if (!this.#isWhole) return
      if (taken < bytes.length) this.#head = this.#head && { ...this.#head, keepsAlive: false }
      this.#finish()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  /** The connection has ended. */
  hangUp(cause: unknown): void {
    try {
      if (cause !== undefined) throw transportError(cause, this.#head ? 'within its reply' : 'before its reply')
      this.#parser.close()
      this.#finish()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  head(head: ReplyHead): void {
    this.#head = head
    this.#started.resolve()
  }

  bytes(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#reader) {
      const value = this.#takeWaiting()
      if (value) this.#reader.resolve({ done: false, value })
      this.#reader = undefined
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
    this.#resume()
    return value
  }

  #resume(): void {
    if (!this.#isPaused || this.#waitingBytes > pauseBytes / 2) return
    this.#isPaused = false
    this.#socket.resume()
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = { error }
    this.#isWhole = false
    this.#started.reject(error)
    // if no caller waits for this promise, its rejection would end the program
    this.#started.promise.catch(() => undefined)
    this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#letGo()
    const reader = this.#reader
    this.#reader = undefined
    if (this.#failure) reader?.reject(this.#failure.error)
    else reader?.resolve(done)
    if (this.#isPaused) this.#socket.resume()
    this.#isPaused = false
    this.#options.onOver(this.#isWhole ? this.#head : undefined)
  }
}
