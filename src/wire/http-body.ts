import { ChatError } from '../chat/error.ts'
import type { Timers } from '../flow/timers.ts'
import { Watchdog } from '../flow/watchdog.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'
import { joinBytes } from './join-bytes.ts'
import type { ReplyHeaders } from './reply-headers.ts'

/** The next bytes of a body; undefined at its end. */
export type BodyPiece = Uint8Array | undefined

type BodyStep = IteratorResult<Uint8Array, undefined>

/** Where a reply's bytes come from. */
export interface BodySource {
  readonly status: number
  readonly headers: ReplyHeaders
  /** The length that the server states; undefined if it states none. It may be wrong. */
  readonly statedBytes?: number | undefined
  /** Reads the next bytes, without a promise if they are there; one read at a time. @throws ChatError, or the reason of the call's abort */
  read(): BodyPiece | Promise<BodyPiece>
  /** Frees the connection at once, even if the body is not finished. May be called at any time. */
  cancel(): void
}

/** The call that an exchange belongs to. */
export interface ExchangeLink {
  /** Ends the exchange with an error. */
  abort(reason: unknown): void
  /** From now on the call no longer ends the exchange. */
  release(): void
}

/** How a reply is read. Without a limit for its bytes, a default applies; without one for silence, none applies. */
export interface BodyOptions {
  readonly limits: HttpLimits | undefined
  /** When the reply's head came, in milliseconds since 1970. */
  readonly receivedAt: number
  readonly timers: Timers
  /** Released when nothing more will be read. */
  readonly link: ExchangeLink
}

const maxStreamBytes = 64 * 1024 * 1024
/** Limit for the bytes of a body that is read whole. */
export const maxTextBytes = 16 * 1024 * 1024
/** Milliseconds to wait for a body's end after its reader has stopped, so that the connection can be used again. */
const drainMs = 250
const drainReads = 8

const done = { done: true, value: undefined } as const

/** A reply that counts the bytes that come, and does not trust the stated length. It frees the connection at any ending. */
export class CountedReply implements HttpReply, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: BodySource
  readonly receivedAt: number
  readonly #timers: Timers
  readonly #link: ExchangeLink
  readonly #maxBytes: number
  /** Made for the first limit of time; most replies have none. */
  #watchdog: Watchdog | undefined
  #idleMs: number | undefined
  #read = 0
  #isOver = false

  constructor(source: BodySource, { limits, receivedAt, timers, link }: BodyOptions) {
    this.#source = source
    this.receivedAt = receivedAt
    this.#timers = timers
    this.#link = link
    this.#maxBytes = limits?.maxBytes ?? maxStreamBytes
    this.#idleMs = limits?.idleMs
  }

  get status(): number {
    return this.#source.status
  }

  get headers(): ReplyHeaders {
    return this.#source.headers
  }

  get body(): AsyncIterable<Uint8Array> {
    return this
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  limitIdle(ms: number): void {
    this.#idleMs = ms
    if (!this.#isOver) this.#watch(ms)
  }

  discard(): void {
    this.#letGo()
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit))
  }

  async bytes(limit = maxTextBytes): Promise<Uint8Array> {
    const stated = this.#source.statedBytes
    if (stated !== undefined && stated > limit) this.#refuse()
    const parts: Uint8Array[] = []
    for (;;) {
      const read = this.read()
      const piece = read instanceof Promise ? await read : read
      if (this.#read > limit) this.#refuse()
      if (!piece) return joinBytes(parts)
      // a body that came whole has nothing to wait for
      if (piece.byteLength !== stated) parts.push(piece)
      else {
        this.#settle()
        return piece
      }
    }
  }

  read(): BodyPiece | Promise<BodyPiece> {
    if (this.#isOver) return undefined
    if (this.#idleMs) this.#watch(this.#idleMs)
    try {
      const read = this.#source.read()
      return read instanceof Promise ? read.then(this.#onPiece, this.#onFailure) : this.#onPiece(read)
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
  }

  async next(): Promise<BodyStep> {
    const read = this.read()
    const value = read instanceof Promise ? await read : read
    return value ? { done: false, value } : done
  }

  /** Called when the reader stops early. The rest of the body may be short enough to read. */
  stop(): void {
    if (!this.#isOver) void this.#drain()
  }

  async return(): Promise<BodyStep> {
    this.stop()
    return done
  }

  readonly #onPiece = (piece: BodyPiece): BodyPiece => {
    // the reader's own time does not count as the upstream's silence
    if (this.#idleMs) this.#watchdog?.stop()
    if (!piece) {
      this.#settle()
      return undefined
    }
    this.#read += piece.byteLength
    return this.#read > this.#maxBytes ? this.#refuse() : piece
  }

  readonly #onFailure = (thrown: unknown): never => {
    this.#letGo()
    throw thrown
  }

  #refuse(): never {
    this.#letGo()
    throw tooLarge()
  }

  async #drain(): Promise<void> {
    this.#settle()
    this.#watch(drainMs)
    try {
      for (let reads = 0; reads < drainReads; reads++) {
        const piece = await this.#source.read()
        if (!piece) break
      }
    } catch {
      // the connection broke after everything useful had been read
    } finally {
      this.#watchdog?.stop()
      this.#source.cancel()
    }
  }

  #watch(ms: number): void {
    this.#watchdog ??= new Watchdog(this.#timers, () => this.#link.abort(upstreamTimeout()))
    this.#watchdog.feed(ms)
  }

  #settle(): void {
    this.#isOver = true
    this.#watchdog?.stop()
    this.#link.release()
  }

  #letGo(): void {
    this.#settle()
    this.#source.cancel()
  }
}

export function upstreamTimeout(): ChatError {
  return new ChatError('timeout', { message: 'The upstream did not answer in time.', code: 'upstream_timeout' })
}

export function tooLarge(): ChatError {
  // not `upstream-failed`: a retry would cost the same again (reliability, section 2)
  return new ChatError('upstream-outdated', {
    message: "The upstream's reply is too large.",
    code: 'upstream_response_too_large',
  })
}
