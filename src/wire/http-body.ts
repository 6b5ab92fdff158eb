import { ChatError } from '../chat/error.ts'
import type { Watchdog } from '../flow/watchdog.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'
import { joinBytes } from './join-bytes.ts'

export type BodyStep = IteratorResult<Uint8Array, undefined>

/** Where a reply's bytes come from. */
export interface BodySource {
  readonly status: number
  readonly headers: Headers
  /** The length that the server states; undefined if it states none. It may be wrong. */
  readonly statedBytes?: number | undefined
  /** Reads the next bytes; one read at a time. @throws ChatError, or the reason of the call's abort */
  read(): Promise<BodyStep>
  /** Frees the connection at once, even if the body is not finished. May be called at any time. */
  cancel(): void
}

/** How a reply is read. Without a limit for its bytes, a default applies; without one for silence, none applies. */
export interface BodyOptions {
  readonly limits: HttpLimits
  /** When the reply's head came, in milliseconds since 1970. */
  readonly receivedAt: number
  /** Aborts the call. */
  readonly watchdog: Watchdog
  /** Called once, when nothing more will be read. */
  readonly release: () => void
}

const maxStreamBytes = 64 * 1024 * 1024
const maxTextBytes = 16 * 1024 * 1024
/** Milliseconds to wait for a body's end after its reader has stopped, so that the connection can be used again. */
const drainMs = 250
const drainReads = 8

const done = { done: true, value: undefined } as const

/** A reply that counts the bytes that come, and does not trust the stated length. It frees the connection at any ending. */
export class CountedReply implements HttpReply, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: BodySource
  readonly receivedAt: number
  readonly #watchdog: Watchdog
  readonly #maxBytes: number
  readonly #release: () => void
  #idleMs: number | undefined
  #read = 0
  #isOver = false

  constructor(source: BodySource, { limits, receivedAt, watchdog, release }: BodyOptions) {
    this.#source = source
    this.receivedAt = receivedAt
    this.#watchdog = watchdog
    this.#release = release
    this.#maxBytes = limits.maxBytes ?? maxStreamBytes
    this.#idleMs = limits.idleMs
    watchdog.stop()
  }

  get status(): number {
    return this.#source.status
  }

  get headers(): Headers {
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
    if (!this.#isOver) this.#watchdog.feed(ms)
  }

  discard(): void {
    this.#letGo()
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit))
  }

  async bytes(limit = maxTextBytes): Promise<Uint8Array> {
    if ((this.#source.statedBytes ?? 0) > limit) this.#refuse()
    const parts: Uint8Array[] = []
    for (let step = await this.next(); !step.done; step = await this.next()) {
      if (this.#read > limit) this.#refuse()
      parts.push(step.value)
    }
    return parts.length === 1 && parts[0] ? parts[0] : joinBytes(parts)
  }

  next(): Promise<BodyStep> {
    if (this.#isOver) return Promise.resolve(done)
    if (this.#idleMs) this.#watchdog.feed(this.#idleMs)
    return this.#source.read().then(this.#onStep, this.#onFailure)
  }

  /** Called when the reader stops early. The rest of the body may be short enough to read. */
  async return(): Promise<BodyStep> {
    if (!this.#isOver) void this.#drain()
    return done
  }

  readonly #onStep = (step: BodyStep): BodyStep => {
    // the reader's own time does not count as the upstream's silence
    if (this.#idleMs) this.#watchdog.stop()
    if (step.done) {
      this.#settle()
      return done
    }
    this.#read += step.value.byteLength
    return this.#read > this.#maxBytes ? this.#refuse() : step
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
    this.#watchdog.feed(drainMs)
    try {
      for (let reads = 0; reads < drainReads; reads++) {
        const step = await this.#source.read()
        if (step.done) break
      }
    } catch {
      // the connection broke after everything useful had been read
    } finally {
      this.#watchdog.stop()
      this.#source.cancel()
    }
  }

  #settle(): void {
    this.#isOver = true
    this.#watchdog.stop()
    this.#release()
  }

  #letGo(): void {
    this.#settle()
    this.#source.cancel()
  }
}

function tooLarge(): ChatError {
  // not `upstream-failed`: a retry would cost the same again (reliability, section 2)
  return new ChatError('upstream-outdated', {
    message: "The upstream's reply is too large.",
    code: 'upstream_response_too_large',
  })
}
