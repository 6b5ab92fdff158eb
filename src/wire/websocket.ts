import { ChatError, type Reason } from '../chat/error.ts'
import { statusError } from './http-status.ts'
import { Inbox } from './inbox.ts'

/** Milliseconds and bytes, each over 0. */
export interface WebSocketLimits {
  /** Until the handshake is answered; 5,000. */
  readonly connectMs?: number
  /** Between two pings of ours, and until a pong; 15,000. A peer that is gone without a word is noticed within two of them. */
  readonly pingMs?: number
  /** Of one message; 8 MiB. */
  readonly maxMessageBytes?: number
  /** Of messages that wait for their reader; 8 MiB. */
  readonly maxWaitingBytes?: number
}

export interface WebSocketRequest {
  /** `ws:` or `wss:`; `http:` and `https:` are taken for them. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly limits?: WebSocketLimits
}

/** An open WebSocket. Reading its messages to their end, or leaving them, closes it. */
export interface WebSocketConnection {
  /**
   * Text messages, for one reader; it must be read, or `close` called.
   * @throws ChatError once the peer has closed or is gone, whatever code it gave: whether that was due is the caller's to say
   */
  readonly messages: AsyncIterable<string>
  send(text: string): void
  /** Closes at once; its messages end. */
  close(): void
}

const connectMs = 5_000
const pingMs = 15_000
const maxMessageBytes = 8 * 1024 * 1024

/**
 * Opens a WebSocket with the runtime's own client, without compression.
 * @throws ChatError by the HTTP status of a refused handshake, `timeout` by `limits`, `upstream-failed` when nothing
 * answers, or the signal's reason
 */
export async function openWebSocket(request: WebSocketRequest, signal: AbortSignal): Promise<WebSocketConnection> {
  signal.throwIfAborted()
  const line = new Line(request, signal)
  await line.opened
  return line
}

/** One connection with all that hangs on it: `#letGo` frees the whole of it. */
class Line implements WebSocketConnection {
  readonly messages: Inbox<string>
  readonly #socket: WebSocket
  readonly #limits: WebSocketLimits
  readonly #opened = Promise.withResolvers<void>()
  #timer: ReturnType<typeof setTimeout>
  #isOpen = false
  #hasPong = true
  #failure: ChatError | undefined
  /** What the peer is told when we leave. */
  #goodbye = 1000

  constructor({ url, headers, limits = {} }: WebSocketRequest, signal: AbortSignal) {
    this.#limits = limits
    this.#socket = new WebSocket(socketUrl(url), { headers: { ...headers }, perMessageDeflate: false })
    this.#timer = setTimeout(() => this.#end(connectTimeout()), limits.connectMs ?? connectMs)
    this.#socket.addEventListener('open', this.#onOpen)
    this.#socket.addEventListener('message', this.#onMessage)
    this.#socket.addEventListener('error', this.#onError)
    this.#socket.addEventListener('close', this.#onClose)
    // beside `EventTarget`'s, Bun has the events of the `ws` package for these
    this.#socket.addEventListener('pong', this.#onPong)
    const { maxWaitingBytes: maxBytes } = limits
    this.messages = new Inbox({ signal, release: () => this.#letGo(signal), ...(maxBytes && { maxBytes }) })
  }

  /** Settles once the handshake has been answered. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  send(text: string): void {
    if (this.#isOpen && !this.messages.isOver) this.#socket.send(text)
  }

  close(): void {
    this.messages.close()
  }

  readonly #onOpen = (): void => {
    this.#isOpen = true
    this.#opened.resolve()
    this.#beat()
  }

  readonly #onMessage = ({ data }: MessageEvent): void => {
    // a binary message where text is spoken says nothing to us
    if (typeof data !== 'string') return
    const size = Buffer.byteLength(data)
    if (size <= (this.#limits.maxMessageBytes ?? maxMessageBytes)) this.messages.push(data, size)
    else this.#refuse()
  }

  /** Of the failures only the handshake's text tells anything: the status. What comes after it is told by `close`. */
  readonly #onError = (event: Event): void => {
    if (!this.#isOpen) this.#failure ??= handshakeError('message' in event ? String(event.message) : '')
  }

  readonly #onClose = ({ code }: CloseEvent): void => {
    this.#end(this.#failure ?? closeError(code))
  }

  readonly #onPong = (): void => {
    this.#hasPong = true
  }

  /** A peer that is gone without a word is noticed by nothing but a ping (measured: no event in 8 s). */
  #beat(): void {
    clearTimeout(this.#timer)
    if (!this.#hasPong) {
      this.#end(disconnected('The upstream no longer answers on its connection.'))
      return
    }
    this.#hasPong = false
    this.#socket.ping()
    this.#timer = setTimeout(() => this.#beat(), this.#limits.pingMs ?? pingMs)
  }

  #refuse(): void {
    this.#goodbye = 1009
    this.messages.abort(
      new ChatError('upstream-failed', {
        message: 'The upstream sent a message that is too large.',
        code: 'upstream_response_too_large',
      }),
    )
  }

  #end(error: ChatError): void {
    this.#opened.reject(error)
    this.messages.fail(error)
  }

  /** Says goodbye, but does not wait for an answer: of a peer that is gone Bun's `close` awaits one for five seconds (measured). */
  #letGo(signal: AbortSignal): void {
    clearTimeout(this.#timer)
    this.#opened.reject(signal.aborted ? signal.reason : closed())
    // before it is opened nobody else waits for this
    this.#opened.promise.catch(() => undefined)
    this.#socket.removeEventListener('open', this.#onOpen)
    this.#socket.removeEventListener('message', this.#onMessage)
    this.#socket.removeEventListener('error', this.#onError)
    this.#socket.removeEventListener('close', this.#onClose)
    this.#socket.removeEventListener('pong', this.#onPong)
    if (this.#isOpen) this.#socket.close(this.#goodbye)
    this.#socket.terminate()
  }
}

function socketUrl(text: string): string {
  const url = URL.parse(text)
  const protocol = url && socketProtocols[url.protocol]
  if (!protocol)
    throw new ChatError('upstream-outdated', {
      message: "The upstream's address is no WebSocket's.",
      code: 'upstream_unreachable',
    })
  return `${protocol}${url.href.slice(url.protocol.length)}`
}

const socketProtocols: Readonly<Record<string, string>> = {
  'ws:': 'ws:',
  'wss:': 'wss:',
  'http:': 'ws:',
  'https:': 'wss:',
}

/** Bun tells a refused handshake's status in the error's text alone: "Expected 101 status code: 401". */
function handshakeError(message: string): ChatError {
  const status = Number(/Expected 101 status code: (\d{3})\b/.exec(message)?.[1] ?? 0)
  if (status === 0)
    return new ChatError('upstream-failed', {
      message: 'The upstream could not be reached, or closed the connection before its reply.',
      code: 'upstream_unreachable',
    })
  if (status >= 400 && !aboutRequest.has(status)) return statusError(status, new Headers(), {})
  return new ChatError('upstream-outdated', {
    message: `The upstream opens no connection here (HTTP ${status}).`,
    upstreamStatus: status,
  })
}

/** A handshake holds nothing of the client's: what is wrong with it is never the client's mistake, nor its model's. */
const aboutRequest = new Set([400, 404, 410, 413, 422])

/** What a peer's goodbye means. RFC 6455, section 7.4.1; 4401 is HTTP's 401 by custom. */
const meaningOf: Readonly<Record<number, { readonly reason: Reason; readonly code: string; readonly words: string }>> =
  {
    1008: { reason: 'account-refused', code: 'upstream_auth_expired', words: "refused the gateway's account" },
    4401: { reason: 'account-refused', code: 'upstream_auth_expired', words: "refused the gateway's account" },
    1013: { reason: 'overloaded', code: 'upstream_overloaded', words: 'is overloaded' },
  }

function closeError(status: number): ChatError {
  const meaning = meaningOf[status]
  if (!meaning) return disconnected(`The upstream closed its connection (code ${status}).`)
  const { reason, code, words } = meaning
  return new ChatError(reason, { message: `The upstream ${words} and closed its connection (code ${status}).`, code })
}

function disconnected(message: string): ChatError {
  return new ChatError('upstream-failed', { message, code: 'upstream_disconnected' })
}

function connectTimeout(): ChatError {
  return new ChatError('timeout', {
    message: 'The upstream could not be connected to in time.',
    code: 'upstream_connect_timeout',
  })
}

function closed(): ChatError {
  return new ChatError('cancelled', { message: 'The connection is no longer needed.' })
}
