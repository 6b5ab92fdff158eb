import type { Socket } from 'bun'
import { epochMs } from './clock.ts'
import { MessageReader } from './message-reader.ts'
import { token } from './mock-frames.ts'

const nothing: Buffer = Buffer.alloc(0)

/** An answer with status 200 that was read to its end. `firstTokenMs` counts from the moment the request was sent. */
export type Answer = { readonly tokens: number; readonly firstTokenMs: number }

type Exchange = {
  readonly sentAtMs: number
  readonly onTokens: (count: number) => void
  readonly settled: PromiseWithResolvers<Answer>
  status: number
  tokens: number
  firstTokenMs: number
  refusal: string
}

/**
 * A client's raw TCP connection, with one request at a time. It uses little CPU time, so it hardly affects the figures.
 */
export class Connection {
  readonly #reader: MessageReader
  #socket: Socket<undefined> | undefined
  #exchange: Exchange | undefined
  #unsent: Buffer = nothing
  #isOpen = true

  private constructor() {
    this.#reader = new MessageReader({
      head: (head) => this.#readStatus(head),
      body: (bytes) => this.#readBody(bytes),
      end: () => this.#finish(),
    })
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection()
    connection.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => connection.#reader.push(bytes),
        drain: () => connection.#send(connection.#unsent),
        close: () => connection.#lose(),
        error: () => connection.#lose(),
      },
    })
    connection.#socket.setNoDelay(true)
    return connection
  }

  /** Whether the connection is open and a request is running on it. */
  get isBusy(): boolean {
    return this.#isOpen && this.#exchange !== undefined
  }

  /** @throws Error if the answer is not a 200 or is cut off */
  request(bytes: Buffer, onTokens: (count: number) => void = ignore): Promise<Answer> {
    const settled = Promise.withResolvers<Answer>()
    const sentAtMs = epochMs()
    this.#exchange = { sentAtMs, onTokens, settled, status: 0, tokens: 0, firstTokenMs: Number.NaN, refusal: '' }
    if (this.#isOpen) this.#send(bytes)
    else settled.reject(new Error('the connection takes no request'))
    return settled.promise
  }

  /** Closes the connection at once, as a client that leaves. The promise of a running request is rejected. */
  close(): void {
    this.#socket?.end()
  }

  /** Sends what the kernel's buffer takes. The socket's `drain` sends the rest. */
  #send(bytes: Buffer): void {
    const sentBytes = Math.max(this.#socket?.write(bytes) ?? 0, 0)
    this.#unsent = bytes.subarray(sentBytes)
  }

  #readStatus(head: string): void {
    if (this.#exchange) this.#exchange.status = Number(head.slice(9, 12))
  }

  #readBody(bytes: Buffer): void {
    const exchange = this.#exchange
    if (!exchange) return
    if (exchange.status !== 200) exchange.refusal += bytes.toString()
    const count = countTokens(bytes)
    if (count === 0) return
    if (exchange.tokens === 0) exchange.firstTokenMs = epochMs() - exchange.sentAtMs
    exchange.tokens += count
    exchange.onTokens(count)
  }

  #finish(): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (!exchange) return
    const { status, refusal, settled } = exchange
    if (status === 200) settled.resolve(exchange)
    else settled.reject(new Error(`answered ${status}: ${refusal.slice(0, 300)}`))
  }

  #lose(): void {
    this.#isOpen = false
    this.#exchange?.settled.reject(new Error('the connection was closed before the answer had ended'))
  }
}

/** Opens a stream and waits for its first token. The stream runs until it ends or is closed. */
export async function openStream(port: number, request: Buffer, onTokens = ignore): Promise<Connection> {
  const connection = await Connection.open(port)
  const started = Promise.withResolvers<void>()
  const onFirst = (count: number): void => {
    onTokens(count)
    started.resolve()
  }
  connection.request(request, onFirst).then(() => started.resolve(), started.reject)
  await started.promise
  return connection
}

function ignore(_count: number): void {}

function countTokens(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(token); at >= 0; at = bytes.indexOf(token, at + token.length)) count += 1
  return count
}
