import { linkAbort } from '../chat/abort.ts'
import { ChatError, type ChatErrorOptions } from '../chat/error.ts'
import { Watchdog } from '../chat/watchdog.ts'
import { canConnect } from './can-connect.ts'

/** Bytes as they come in. Stopping early lets go of the connection. */
export type ByteSource = AsyncIterable<Uint8Array>

/** Milliseconds, each over 0. What is absent does not run out here: the deadline layer counts events, not bytes. */
export interface HttpLimits {
  /** Until the server's TCP port answers; 5,000. */
  readonly connectMs?: number
  /** Until the reply's head. */
  readonly headMs?: number
  /** Between two reads of the body. */
  readonly idleMs?: number
  /** Bytes of the body after decompression; 64 MiB. */
  readonly maxBytes?: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `http:` or `https:`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly limits?: HttpLimits
}

/** A reply whose body must be read to its end or `discard`ed. */
export interface HttpReply {
  readonly status: number
  readonly headers: Headers
  readonly body: ByteSource
  /** From now on, silence of more than `ms` milliseconds between two reads is a timeout. */
  limitIdle(ms: number): void
  discard(): void
}

const connectMs = 5_000
const maxBytes = 64 * 1024 * 1024
/** After a body's last interesting byte: how long we wait for its end, to keep the connection for the next request. */
const drainMs = 250

/**
 * The one place of the program that calls `fetch`. Follows no redirect, asks for no compression, opens http and https only.
 * @throws ChatError `upstream-failed` when nothing answers, `timeout` by `limits`, or the signal's reason
 */
export async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
  const url = checkedUrl(request.url)
  const link = linkAbort(signal)
  const watchdog = new Watchdog(() => link.abort(timeout('upstream_timeout', 'The upstream did not answer in time.')))
  if (request.limits?.headMs) watchdog.feed(request.limits.headMs)
  const stopProbe = watchConnect(url, request.limits?.connectMs ?? connectMs, link.abort)
  try {
    const response = await fetch(url, {
      method: request.method,
      headers: { 'accept-encoding': 'identity', ...request.headers },
      ...(request.body !== undefined && { body: request.body }),
      signal: link.signal,
      redirect: 'manual',
      timeout: false,
    })
    return new Reply(response, { link, watchdog, limits: request.limits ?? {} })
  } catch (thrown) {
    watchdog.stop()
    link.release()
    throw link.signal.aborted ? link.signal.reason : transportError(thrown, 'before its reply')
  } finally {
    stopProbe()
  }
}

function checkedUrl(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href
  // Bun's fetch would open `file:`, `data:` and `s3:` too (docs/decisions/0002-one-fetch.md)
  throw new ChatError('upstream-outdated', {
    message: "The upstream's address is neither http nor https.",
    code: 'upstream_unreachable',
  })
}

/**
 * Bun's fetch has no connect timeout and does not say whether it is connected. A reply that is long in coming is
 * therefore asked about: a second connection to the same port tells a busy server from one that is not there.
 */
function watchConnect(url: string, limitMs: number, abort: (reason: unknown) => void): () => void {
  const quietMs = limitMs / 5
  const over = new AbortController()
  const timer = setTimeout(async () => {
    const isThere = await canConnect(url, limitMs - quietMs, over.signal)
    // a reply that came meanwhile knows better
    if (!isThere && !over.signal.aborted)
      abort(timeout('upstream_connect_timeout', 'The upstream could not be connected to in time.'))
  }, quietMs)
  return () => {
    clearTimeout(timer)
    over.abort()
  }
}

interface Lifeline {
  readonly link: ReturnType<typeof linkAbort>
  readonly watchdog: Watchdog
  readonly limits: HttpLimits
}

/** The part of a body's reader that is used: the types of Bun and of the web differ in the rest. */
type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>

class Reply implements HttpReply {
  readonly status: number
  readonly headers: Headers
  readonly body: ByteSource
  readonly #lifeline: Lifeline
  readonly #reader: BodyReader | undefined
  #idleMs: number | undefined

  constructor(response: Response, lifeline: Lifeline) {
    this.status = response.status
    this.headers = response.headers
    this.#lifeline = lifeline
    this.#idleMs = lifeline.limits.idleMs
    this.#reader = response.body?.getReader()
    this.body = this.#read()
    lifeline.watchdog.stop()
  }

  limitIdle(ms: number): void {
    this.#idleMs = ms
    this.#lifeline.watchdog.feed(ms)
  }

  discard(): void {
    this.#close()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const { link, watchdog, limits } = this.#lifeline
    const reader = this.#reader
    let read = 0
    let state: 'open' | 'ended' | 'broken' = 'open'
    try {
      while (reader) {
        if (this.#idleMs) watchdog.feed(this.#idleMs)
        const { done, value } = await reader.read()
        // the time that the reader of this generator takes is not the upstream's
        if (this.#idleMs) watchdog.stop()
        if (done) break
        read += value.byteLength
        if (read > (limits.maxBytes ?? maxBytes)) throw tooLarge()
        yield value
      }
      // Bun ends a body that is delimited by close cleanly, even where it was aborted
      link.signal.throwIfAborted()
      state = 'ended'
    } catch (thrown) {
      state = 'broken'
      throw link.signal.aborted
        ? link.signal.reason
        : thrown instanceof ChatError
          ? thrown
          : transportError(thrown, 'within its reply')
    } finally {
      watchdog.stop()
      if (state === 'open') void this.#drain()
      else this.#close()
    }
  }

  /** The reader has what it wants; the rest of the body, if it is short, is read so that the connection can be used again. */
  async #drain(): Promise<void> {
    const timer = setTimeout(() => this.#close(), drainMs)
    try {
      for (let reads = 0; reads < 8; reads++) {
        const step = await this.#reader?.read()
        if (!step || step.done) break
      }
    } catch {
      // the connection broke after all that mattered had been read
    } finally {
      clearTimeout(timer)
      this.#close()
    }
  }

  /** Cancel, then abort: either alone has leaked in some Bun (docs/decisions/0002-one-fetch.md). */
  #close(): void {
    const { link, watchdog } = this.#lifeline
    watchdog.stop()
    link.release()
    this.#reader?.cancel().catch(() => undefined)
    link.abort(closed)
  }
}

const closed = new ChatError('cancelled', { message: 'The reply is no longer needed.' })

/**
 * The whole body as text.
 * @throws ChatError `upstream-outdated` over `limit` bytes
 */
export async function readText(reply: HttpReply, limit = 16 * 1024 * 1024): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of reply.body) {
    bytes += chunk.byteLength
    if (bytes > limit) throw tooLarge()
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function tooLarge(): ChatError {
  // not `upstream-failed`: that would be asked for once more, and so cost twice (reliability, section 2)
  return new ChatError('upstream-outdated', {
    message: "The upstream's reply is too large.",
    code: 'upstream_response_too_large',
  })
}

function timeout(code: string, message: string): ChatError {
  return new ChatError('timeout', { message, code })
}

const disconnected = new Set(['ECONNRESET', 'EPIPE', 'ConnectionClosed', 'UND_ERR_SOCKET'])

function transportError(thrown: unknown, when: string): ChatError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const options: Pick<ChatErrorOptions, 'message' | 'code'> = disconnected.has(code)
    ? { message: `The upstream closed the connection ${when}.`, code: 'upstream_disconnected' }
    : { message: `The upstream could not be reached${code && ` (${code})`}.`, code: 'upstream_unreachable' }
  return new ChatError('upstream-failed', { ...options, cause: thrown })
}
