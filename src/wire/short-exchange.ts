import type { Cancel } from '../flow/cancel.ts'
import type { ByteSocket, SocketEvents } from '../flow/network.ts'
import { HttpExchange } from './http-exchange.ts'
import type { HttpReply } from './http-reply.ts'
import { openReply } from './open-reply.ts'
import { wholeReply } from './whole-reply.ts'

/**
 * A POST over a connection that was idle, up to the first bytes of its reply. If they are the whole reply, the exchange is
 * over; otherwise an `HttpExchange` goes on (docs/decisions/0040-short-exchange.md).
 */
export class ShortExchange implements SocketEvents {
  readonly #socket: ByteSocket
  readonly #signal: Cancel
  readonly #keepAs: string
  readonly #answer = Promise.withResolvers<HttpReply>()

  /** @param keepAs the key under which the connection is kept afterwards */
  constructor(socket: ByteSocket, signal: Cancel, keepAs: string) {
    this.#socket = socket
    this.#signal = signal
    this.#keepAs = keepAs
  }

  /** Sends the request. Resolves when the reply's head has come. @throws as `send` */
  ask(request: readonly Uint8Array[]): Promise<HttpReply> {
    this.#signal.add(this)
    this.#socket.attach(this)
    for (const piece of request) this.#socket.write(piece)
    return this.#answer.promise
  }

  bytes(bytes: Buffer): void {
    const { runtime } = this.#signal
    const reply = wholeReply(bytes, runtime.now())
    if (!reply) {
      this.#goOn().bytes(bytes)
      return
    }
    if (reply.whole) this.#signal.tap?.received(reply.whole)
    this.#signal.remove(this)
    runtime.network.idle.put(this.#keepAs, this.#socket)
    this.#answer.resolve(reply)
  }

  closed(cause: unknown): void {
    // a server that restarts closes all of them: the next attempt must not get another of them
    this.#signal.runtime.network.idle.drop(this.#keepAs)
    this.#goOn().closed(cause)
  }

  abort(reason: unknown): void {
    this.#socket.destroy()
    this.#answer.reject(reason)
  }

  #goOn(): HttpExchange {
    const signal = this.#signal
    signal.remove(this)
    const exchange = new HttpExchange(this.#socket, [], { method: 'POST', signal, keepAs: this.#keepAs })
    this.#answer.resolve(exchange.start().then(() => openReply(exchange, { link: exchange, signal })))
    return exchange
  }
}
