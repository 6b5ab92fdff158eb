import type { JSONRPCMessage } from '@modelcontextprotocol/client'
import { z } from 'zod'
import { ChatError } from '../chat/error.ts'
import { CancelSource, NativeCancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import { sleep } from '../flow/wait.ts'
import {
  type BodyFilter,
  type FetchLike,
  type PlainRequest,
  plainRequest,
  type Relay,
  sendForResponse,
} from '../wire/fetch-like.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import { jsonRelay, refusalRelay } from './body-relay.ts'
import { EventRelay } from './event-relay.ts'
import { lostCode } from './failure.ts'
import type { TransportHooks } from './hooks.ts'
import { frequencyMeter, type Id, tooLargeAnswer } from './oversize.ts'
import type { HttpServer } from './server-config.ts'

/** The parts of a sent message that are read: the id of the request, or of the request that it cancels. */
const Sent = z.looseObject({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.looseObject({ requestId: z.union([z.number(), z.string()]).optional() }).optional(),
})

type Reply = Parameters<NonNullable<Relay['filter']>>[0]

/** Milliseconds that the library has to read a reply after its last bytes. */
const readMs = 250
/** Limit for the streams that may be opened within `streamsMs`; after that one per second. */
const maxStreams = 10
const streamsMs = 10_000
/** Limit for the replies whose last event is remembered. */
const maxReplies = 256
/** A stream lasts as long as the connection, so only each of its messages has a limit. */
const limits = { maxBytes: Number.MAX_SAFE_INTEGER }

/**
 * The `fetch` of the library's HTTP transports. It sends requests through `wire`, adds the server's headers, and does what
 * the library does not do: it limits messages, ends a request whose reply was cut, frees a request that was cancelled, and
 * does not ask for the rest of a reply that was an error.
 */
export class McpFetch {
  readonly #server: HttpServer
  readonly #hooks: TransportHooks
  /** Requests that wait for their answer, each with the abort of its reply. */
  readonly #waiting = new Map<Id, CancelSource>()
  /** The request whose reply contained an event, by the event's id. */
  readonly #replies = new Map<string, Id>()
  readonly #timers = new Set<Timer>()
  readonly #isOften: () => boolean
  readonly #deliver: (message: JSONRPCMessage) => void
  #streamsAt: readonly number[] = []

  /** @param deliver gives a message to the library as if it had come from the server */
  constructor(server: HttpServer, hooks: TransportHooks, deliver: (message: JSONRPCMessage) => void) {
    this.#server = server
    this.#hooks = hooks
    this.#isOften = frequencyMeter(hooks.runtime)
    this.#deliver = deliver
  }

  /** Notes the answers among the messages that arrive. */
  note(message: JSONRPCMessage): void {
    if ('id' in message && !('method' in message) && message.id !== undefined) this.#waiting.delete(message.id)
  }

  close(): void {
    for (const timer of this.#timers) timer.stop()
    for (const link of this.#waiting.values()) link.abort(closed)
    this.#waiting.clear()
  }

  readonly fetch: FetchLike = async (url, init) => {
    const plain = plainRequest(url, init)
    const request = { ...plain, headers: { ...firstHop, ...revealAll(this.#server.headers), ...plain.headers } }
    const link = linkTo(init?.signal, this.#hooks.runtime)
    try {
      return await (request.method === 'GET' ? this.#openStream(request, link) : this.#post(request, link))
    } catch (thrown) {
      link.release()
      throw thrown
    }
  }

  async #post(request: PlainRequest, link: CancelSource): Promise<Response> {
    const { id, method, params } = Sent.safeParse(jsonOrUndefined(request.body ?? '')).data ?? {}
    if (id === undefined || method === undefined) {
      const response = await this.#send(request, link, undefined)
      if (method === 'notifications/cancelled' && params?.requestId !== undefined) this.#dropRequest(params.requestId)
      return response
    }
    this.#waiting.set(id, link)
    try {
      // a server may close an idle connection just as it is used, and no request is sent twice
      return await this.#send({ ...request, needsNewConnection: true }, link, id)
    } catch (thrown) {
      this.#waiting.delete(id)
      throw thrown
    }
  }

  /** Opens the stream of the server's own messages, or the rest of a reply that was cut. */
  async #openStream(request: PlainRequest, link: CancelSource): Promise<Response> {
    const id = this.#replies.get(request.headers['last-event-id'] ?? '')
    // 405 tells the library that there is no such stream
    if (id !== undefined && !this.#waiting.has(id)) return new Response(null, { status: 405 })
    const now = this.#hooks.runtime.elapsed()
    this.#streamsAt = this.#streamsAt.filter((at) => now - at < streamsMs)
    if (this.#streamsAt.length >= maxStreams) await sleep(1_000, link)
    this.#streamsAt = [...this.#streamsAt, this.#hooks.runtime.elapsed()]
    const response = await this.#send(request, link, id)
    if (response.ok) this.#hooks.onListening()
    return response
  }

  /** @param id the request that the reply belongs to */
  #send(request: PlainRequest, link: CancelSource, id: Id | undefined): Promise<Response> {
    let hasId = false
    const seenId = (event: string) => {
      hasId = true
      if (id !== undefined) this.#remember(event, id)
    }
    return sendForResponse({ ...request, limits }, link, {
      filter: (reply) => this.#filter(reply, id, seenId),
      ended: () => {
        link.release()
        // with the older transport the answer comes in the only stream
        if (id !== undefined && !hasId && this.#server.transport === 'http') this.#expectAnswer(id)
      },
    })
  }

  #filter({ status, headers }: Reply, id: Id | undefined, seenId: (event: string) => void): BodyFilter {
    if (status >= 300) return refusalRelay()
    if (!headers.get('content-type')?.startsWith('text/event-stream'))
      return jsonRelay(() => {
        if (this.#isOften()) this.#misbehaved('it sent messages that are too large, again and again')
        if (id !== undefined) this.#deliver(tooLargeAnswer(id))
        throw new ChatError('upstream-outdated', { message: 'The message is too large.' })
      })
    return new EventRelay({
      waiting: () => (id === undefined ? this.#waiting.keys() : [id]),
      isOften: this.#isOften,
      onMisbehaviour: (why) => this.#misbehaved(why),
      seenId,
    })
  }

  #misbehaved(why: string): never {
    this.#hooks.onMisbehaviour(why)
    throw new ChatError('upstream-outdated', { message: why })
  }

  #remember(event: string, id: Id): void {
    const [oldest] = this.#replies.size >= maxReplies ? this.#replies.keys() : []
    if (oldest !== undefined) this.#replies.delete(oldest)
    this.#replies.set(event, id)
  }

  /** Called when a reply has ended and cannot be resumed: if the answer is not read in a moment, the request fails. */
  #expectAnswer(id: Id): void {
    if (!this.#waiting.has(id)) return
    const timer = this.#hooks.runtime.timers.set(readMs, () => {
      this.#timers.delete(timer)
      if (!this.#waiting.has(id)) return
      this.#deliver({ jsonrpc: '2.0', id, error: { code: lostCode, message: 'The reply was cut.' } })
    })
    this.#timers.add(timer)
  }

  #dropRequest(id: Id): void {
    const link = this.#waiting.get(id)
    this.#waiting.delete(id)
    link?.abort(closed)
    link?.release()
  }
}

function linkTo(signal: AbortSignal | null | undefined, runtime: Runtime): CancelSource {
  return signal ? new NativeCancel(runtime, signal) : new CancelSource(runtime)
}

const closed = new ChatError('cancelled', { message: 'The reply is no longer needed.' })

/** Tells a gateway that is a server of ours that it is asked by a gateway. A call has its own number. */
const firstHop = { 'x-tributary-hops': '1' }

function revealAll(headers: HttpServer['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]))
}
