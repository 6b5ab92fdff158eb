import { NodeWebSocket } from 'socket.io-client'
import { asChatError, ChatError } from '../chat/error.ts'
import type { Cancel, CancelSource } from '../flow/cancel.ts'
import type { InboxOptions } from './inbox.ts'
import { badResponse, tooLarge } from './socketio-errors.ts'
import { connectWebSocket, type MessageQueue } from './websocket.ts'

/** A day, so that we send no pings: Socket.IO has its own. */
const noPingsMs = 24 * 3600 * 1000

/** The library's transport over our own WebSocket, which uses the runtime's network and limits what a server may send. */
export function transportOver(signal: Cancel, limits: { readonly connectMs: number }) {
  return class extends NodeWebSocket {
    override createSocket(...[uri, , { headers }]: Parameters<NodeWebSocket['createSocket']>): LibrarySocket {
      return new LibrarySocket({ uri, headers, signal, ...limits })
    }

    /** Sends text only, because we never send bytes. */
    override doWrite(...[, data]: Parameters<NodeWebSocket['doWrite']>): void {
      if (typeof data === 'string') this.ws.send(data)
    }

    /** Catches errors that the library throws here, for example at an opening packet that is not JSON; they would end the program. */
    protected override onData(data: unknown): void {
      try {
        super.onData(data)
      } catch {
        this.onError('no packet', badResponse())
      }
    }
  }
}

interface LibrarySocketOptions {
  readonly uri: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: Cancel
  readonly connectMs: number
}

/** The part of the WebSocket interface that the library uses. */
class LibrarySocket {
  binaryType = ''
  onopen: (() => void) | undefined
  onmessage: ((event: { readonly data: string | Buffer }) => void) | undefined
  onclose: ((event: unknown) => void) | undefined
  onerror: ((error: ChatError) => void) | undefined
  readonly #link: CancelSource
  #send: ((text: string) => void) | undefined
  /** Messages and the end, in order. Each gets a separate tick, because the library reads a message one tick later. */
  #waiting: (() => void)[] = []
  #at = 0
  #isTicking = false
  #isOver = false

  constructor({ uri, headers, signal, connectMs }: LibrarySocketOptions) {
    this.#link = signal.child()
    const request = { url: uri, headers, limits: { connectMs, pingMs: noPingsMs } }
    const relay = (options: InboxOptions) =>
      new MessageRelay(options, {
        hear: (data) => this.#inTurn(() => this.onmessage?.({ data })),
        end: (thrown) => this.#inTurn(() => this.#end(thrown)),
      })
    connectWebSocket(request, this.#link, relay).then(
      (socket) => this.#open((text) => socket.send(text)),
      (thrown: unknown) => this.#end(thrown),
    )
  }

  send(text: string): void {
    this.#send?.(text)
  }

  /** Closes at once. The library gets no more events. */
  close(): void {
    this.#isOver = true
    this.#forget()
    this.#link.abort(closed)
    this.#link.release()
  }

  #open(send: (text: string) => void): void {
    if (this.#isOver) return
    this.#send = send
    this.onopen?.()
    this.#tick()
  }

  #inTurn(run: () => void): void {
    this.#waiting.push(run)
    this.#tick()
  }

  /** Runs the next of them after the opening, because messages may come in the same read as the handshake. */
  #tick(): void {
    if (this.#isTicking || !this.#send || this.#waiting.length === 0) return
    this.#isTicking = true
    process.nextTick(() => {
      this.#isTicking = false
      const run = this.#waiting[this.#at++]
      // `shift` would move all others each time
      if (this.#at >= this.#waiting.length) this.#forget()
      run?.()
      this.#tick()
    })
  }

  #forget(): void {
    this.#waiting = []
    this.#at = 0
  }

  #end(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#link.release()
    const error = asChatError(thrown)
    // another attempt would receive as much again
    this.onerror?.(error.ownCode === tooLarge().ownCode ? tooLarge() : error)
  }
}

interface MessageReceiver {
  hear(data: string | Buffer): void
  /** Called once, unless the library closes the socket. */
  end(thrown: unknown): void
}

/** Passes each message on as soon as it comes. */
class MessageRelay implements MessageQueue {
  readonly waitingBytes = 0
  readonly #options: InboxOptions
  readonly #receiver: MessageReceiver
  #isOver = false
  #letGo: () => void = () => undefined

  constructor(options: InboxOptions, receiver: MessageReceiver) {
    this.#options = options
    this.#receiver = receiver
    this.#letGo = options.signal.onAbort(() => this.#end(options.signal.reason))
  }

  get isOver(): boolean {
    return this.#isOver
  }

  push(text: string): void {
    if (!this.#isOver) this.#receiver.hear(text)
  }

  pushBinary(bytes: Buffer): void {
    if (!this.#isOver) this.#receiver.hear(bytes)
  }

  close(): void {
    this.#end(closed)
  }

  fail(error: ChatError): void {
    this.#end(error)
  }

  abort(error: unknown): void {
    this.#end(error)
  }

  #end(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#letGo()
    this.#receiver.end(thrown)
    this.#options.release()
  }
}

const closed = new ChatError('cancelled', { message: 'The connection is no longer needed.' })
