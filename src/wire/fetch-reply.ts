import type { LinkedAbort } from '../chat/abort.ts'
import { ChatError, type ChatErrorOptions } from '../chat/error.ts'
import type { Watchdog } from '../chat/watchdog.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'

/** What keeps a reply alive, and what ends it. */
export interface Lifeline {
  readonly link: LinkedAbort
  readonly watchdog: Watchdog
  readonly limits: HttpLimits
}

/** The part of a body's reader that is used: the types of Bun and of the web differ in the rest. */
type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>
type Step = IteratorResult<Uint8Array>

const maxStreamBytes = 64 * 1024 * 1024
const maxTextBytes = 16 * 1024 * 1024
/** After a body's last interesting byte: how long we wait for its end, to keep the connection for the next request. */
const drainMs = 250

/** A reply of `fetch` that lets go of its connection however its reading ends. */
export class FetchReply implements HttpReply, AsyncIterableIterator<Uint8Array> {
  readonly status: number
  readonly headers: Headers
  readonly #response: Response
  readonly #lifeline: Lifeline
  #reader: BodyReader | undefined
  #idleMs: number | undefined
  #read = 0
  #isOver = false

  constructor(response: Response, lifeline: Lifeline) {
    this.status = response.status
    this.headers = response.headers
    this.#response = response
    this.#lifeline = lifeline
    this.#idleMs = lifeline.limits.idleMs
    lifeline.watchdog.stop()
  }

  get body(): AsyncIterable<Uint8Array> {
    return this
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  limitIdle(ms: number): void {
    this.#idleMs = ms
    if (!this.#isOver) this.#lifeline.watchdog.feed(ms)
  }

  discard(): void {
    this.#letGo()
  }

  async text(limit = maxTextBytes): Promise<string> {
    if (this.#isKnownToFit(limit)) return this.#wholeText()
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of this) {
      if (this.#read > limit) throw tooLarge()
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  }

  next(): Promise<Step> {
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined })
    if (this.#idleMs) this.#lifeline.watchdog.feed(this.#idleMs)
    this.#reader ??= this.#response.body?.getReader()
    if (!this.#reader) return Promise.resolve(this.#onEnd())
    return this.#reader.read().then(this.#onStep, this.#onFailure)
  }

  /** Nobody reads on. Unless it was aborted, what is left of the body may be short enough to read. */
  async return(): Promise<Step> {
    if (!this.#isOver) void this.#drain()
    return { done: true, value: undefined }
  }

  /** A length that fits and no compression: then the runtime reads it at once, which costs a third of reading it in steps. */
  #isKnownToFit(limit: number): boolean {
    const length = this.headers.get('content-length')
    return length !== null && Number(length) <= limit && !this.headers.has('content-encoding')
  }

  async #wholeText(): Promise<string> {
    if (this.#idleMs) this.#lifeline.watchdog.feed(this.#idleMs)
    try {
      const text = await this.#response.text()
      this.#onEnd()
      return text
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
  }

  readonly #onStep = (step: { readonly done: boolean; readonly value?: Uint8Array | undefined }): Step => {
    // the time that whoever reads this takes is not the upstream's
    if (this.#idleMs) this.#lifeline.watchdog.stop()
    if (step.done || !step.value) return this.#onEnd()
    this.#read += step.value.byteLength
    if (this.#read <= (this.#lifeline.limits.maxBytes ?? maxStreamBytes)) return { done: false, value: step.value }
    this.#letGo()
    throw tooLarge()
  }

  /** Bun ends a body that is delimited by close cleanly, even where it was aborted. */
  #onEnd(): Step {
    const { signal } = this.#lifeline.link
    this.#settle()
    signal.throwIfAborted()
    return { done: true, value: undefined }
  }

  readonly #onFailure = (thrown: unknown): never => {
    const { signal } = this.#lifeline.link
    const error = signal.aborted ? signal.reason : transportError(thrown, 'within its reply')
    this.#letGo()
    throw error
  }

  async #drain(): Promise<void> {
    this.#isOver = true
    const timer = setTimeout(() => this.#letGo(), drainMs)
    try {
      for (let reads = 0; reads < 8; reads++) {
        const step = await this.#reader?.read()
        if (!step || step.done) break
      }
    } catch {
      // the connection broke after all that mattered had been read
    } finally {
      clearTimeout(timer)
      this.#letGo()
    }
  }

  /** The body has ended by itself: there is nothing left to cancel. */
  #settle(): void {
    this.#isOver = true
    this.#lifeline.watchdog.stop()
    this.#lifeline.link.release()
  }

  /** Cancel, then abort: either alone has leaked in some Bun (docs/decisions/0002-one-fetch.md). */
  #letGo(): void {
    this.#settle()
    const cancelled = this.#reader ? this.#reader.cancel() : this.#response.body?.cancel()
    cancelled?.catch(() => undefined)
    this.#lifeline.link.abort(closed)
  }
}

const closed = new ChatError('cancelled', { message: 'The reply is no longer needed.' })

function tooLarge(): ChatError {
  // not `upstream-failed`: that would be asked for once more, and so cost twice (reliability, section 2)
  return new ChatError('upstream-outdated', {
    message: "The upstream's reply is too large.",
    code: 'upstream_response_too_large',
  })
}

const disconnected = new Set(['ECONNRESET', 'EPIPE', 'ConnectionClosed', 'UND_ERR_SOCKET'])

/** What `fetch`, or the reading of its reply, failed with. @param when where in the exchange: completes "closed the connection …" */
export function transportError(thrown: unknown, when: string): ChatError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const options: Pick<ChatErrorOptions, 'message' | 'code'> = disconnected.has(code)
    ? { message: `The upstream closed the connection ${when}.`, code: 'upstream_disconnected' }
    : { message: `The upstream could not be reached${code && ` (${code})`}.`, code: 'upstream_unreachable' }
  return new ChatError('upstream-failed', { ...options, cause: thrown })
}
