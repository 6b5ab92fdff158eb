import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { type LinkedAbort, linkAbort, sleep } from '../chat/abort.ts'
import { ChatError } from '../chat/error.ts'
import { type FetchLike, type PlainRequest, plainRequest, sendForResponse } from '../wire/fetch-like.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import { EventScan } from './event-scan.ts'
import { maxMessageLength, type TransportHooks } from './hooks.ts'
import type { HttpServer } from './server-config.ts'

/** What is looked at of a message that is sent: whose request it is, or whose it cancels. */
const Sent = z.looseObject({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.looseObject({ requestId: z.union([z.number(), z.string()]).optional() }).optional(),
})

/** Error code of a request whose reply can no longer come: ours, of those JSON-RPC leaves to the implementation. */
export const lostCode = -32_097

/** The library reads a reply a moment after its bytes have ended. */
const readMs = 250
/** So many streams may be opened within so many milliseconds; after that one a second. */
const maxStreams = 10
const streamsMs = 10_000

type Id = number | string

/**
 * The way of the library's HTTP transports to the network: through `wire`, with the server's own headers, and watched.
 * The library itself neither limits a message, nor ends a request whose reply was cut, nor lets go of one it cancelled.
 */
export class McpFetch {
  readonly #server: HttpServer
  readonly #hooks: TransportHooks
  /** Requests that wait for their answer, with what ends their reply. */
  readonly #waiting = new Map<Id, LinkedAbort>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #streamsAt: readonly number[] = []
  readonly #deliver: (message: JSONRPCMessage) => void

  /** @param deliver hands a message to the library as if it had come from the server */
  constructor(server: HttpServer, hooks: TransportHooks, deliver: (message: JSONRPCMessage) => void) {
    this.#server = server
    this.#hooks = hooks
    this.#deliver = deliver
  }

  /** Notices the answers among what has come. */
  sees(message: JSONRPCMessage): void {
    if ('id' in message && !('method' in message) && message.id !== undefined) this.#waiting.delete(message.id)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { abort } of this.#waiting.values()) abort(closed)
    this.#waiting.clear()
  }

  readonly fetch: FetchLike = async (url, init) => {
    const plain = plainRequest(url, init)
    const request = { ...plain, headers: { ...revealed(this.#server.headers), ...plain.headers } }
    const link = linkAbort(init?.signal ?? new AbortController().signal)
    if (request.method === 'GET') return this.#openStream(request, link)
    const { id, method, params } = Sent.safeParse(jsonOrUndefined(request.body ?? '')).data ?? {}
    if (id !== undefined && method !== undefined) this.#waiting.set(id, link)
    const response = await this.#send(request, link, id).catch((thrown: unknown) => {
      if (id !== undefined) this.#waiting.delete(id)
      throw thrown
    })
    if (method === 'notifications/cancelled' && params?.requestId !== undefined) this.#letGo(params.requestId)
    return response
  }

  /** The stream of what the server says by itself, or the rest of a reply that was cut. */
  async #openStream(request: PlainRequest, link: LinkedAbort): Promise<Response> {
    const now = performance.now()
    this.#streamsAt = this.#streamsAt.filter((at) => now - at < streamsMs)
    if (this.#streamsAt.length >= maxStreams) await sleep(1_000, link.signal)
    this.#streamsAt = [...this.#streamsAt, performance.now()]
    // it lasts as long as the connection: only its single messages have a limit
    const limits = { maxBytes: Number.MAX_SAFE_INTEGER }
    const response = await this.#send({ ...request, limits }, link, undefined)
    if (response.ok) this.#hooks.listening()
    return response
  }

  #send(request: PlainRequest, link: LinkedAbort, id: Id | undefined): Promise<Response> {
    const scan = new EventScan()
    return sendForResponse(request, link.signal, {
      passed: (bytes) => {
        scan.push(bytes)
        if (scan.length <= maxMessageLength) return
        this.#hooks.misbehaved('it sent a message that is too large')
        throw new ChatError('upstream-outdated', { message: 'The message is too large.' })
      },
      // an end, of whatever kind, makes the library ask for the rest
      isAbandoned: () => link.signal.aborted,
      ended: () => {
        link.release()
        if (id !== undefined && !scan.hasId) this.#expectAnswer(id)
      },
    })
  }

  /** The reply has ended, and cannot be taken up again: the answer is there in a moment, or never. */
  #expectAnswer(id: Id): void {
    if (!this.#waiting.has(id)) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!this.#waiting.has(id)) return
      this.#deliver({ jsonrpc: '2.0', id, error: { code: lostCode, message: 'The reply was cut.' } })
    }, readMs)
    this.#timers.add(timer)
  }

  #letGo(id: Id): void {
    const link = this.#waiting.get(id)
    this.#waiting.delete(id)
    link?.abort(closed)
    link?.release()
  }
}

const closed = new ChatError('cancelled', { message: 'The reply is no longer needed.' })

function revealed(headers: HttpServer['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]))
}
