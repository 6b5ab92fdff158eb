import { asChatError, ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { slicesOf } from '../../chat/slices.ts'
import type { Timers } from '../../flow/timers.ts'
import { Watchdog } from '../../flow/watchdog.ts'
import { nextTurn } from '../../wire/next-turn.ts'

/** Writes events as a surface's bytes. Nothing it writes may be cut by what an upstream said. */
export interface StreamSurface<Event = ChatEvent> {
  /** In pieces where it is long; empty where an event needs no bytes. */
  event(event: Event): string | Iterable<string>
  /** What ends the stream well. */
  end(): string
  /** What ends it badly. */
  error(error: ChatError): string
  /** What shows in silence that the stream lives. */
  readonly keepAlive: string
}

export interface StreamBodyOptions<Event = ChatEvent> {
  readonly surface: StreamSurface<Event>
  /** What is sent at once, before any event: Bun keeps the response's head back until the first bytes of its body. */
  readonly opening: string
  /** Milliseconds of silence until a keep-alive. */
  readonly keepAliveMs: number
  /** Milliseconds a client may take nothing until it is given up. */
  readonly stuckMs: number
  readonly timers: Timers
  abort(reason: ChatError): void
  /** Called once, when the stream is over, however it ended. */
  closed(): void
}

const utf8 = new TextEncoder()
/** Characters that are written at once. */
const maxPieceLength = 256 * 1024

/**
 * A response body that reads an event when the client takes one: a slow client slows the upstream. It ends exactly
 * once, well or badly. (Why a pull stream: docs/decisions/0003-pull-streams.md.)
 */
export function streamBody<Event>(
  events: AsyncIterable<Event>,
  options: StreamBodyOptions<Event>,
): ReadableStream<Uint8Array> {
  const pump = new Pump(events[Symbol.asyncIterator](), options)
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => pump.start(controller),
      pull: () => pump.pull(),
      cancel: () => pump.cancel(),
    },
    { highWaterMark: 0 },
  )
}

class Pump<Event> {
  readonly #events: AsyncIterator<Event>
  readonly #options: StreamBodyOptions<Event>
  readonly #watchdog: Watchdog
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #turn: 'upstream' | 'client' = 'client'
  /** What is still to be written of a long event. */
  #pieces: Iterator<string> | undefined
  #isOver = false

  constructor(events: AsyncIterator<Event>, options: StreamBodyOptions<Event>) {
    this.#events = events
    this.#options = options
    this.#watchdog = new Watchdog(options.timers, () => this.#onSilence())
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    if (this.#options.opening !== '') this.#write(this.#options.opening)
    this.#watchdog.feed(this.#options.stuckMs)
  }

  /** One event's bytes, a piece of them, or the end's. */
  pull(): Promise<void> {
    if (this.#pieces) return this.#writePiece(this.#pieces)
    this.#turn = 'upstream'
    this.#watchdog.feed(this.#options.keepAliveMs)
    return this.#advance()
  }

  /** Chained rather than awaited: an async function costs a tenth of all that an event costs. */
  #advance(): Promise<void> {
    return this.#events.next().then(this.#onStep).catch(this.#onFailure)
  }

  readonly #onStep = (step: IteratorResult<Event>): void | Promise<void> => {
    if (this.#isOver) return undefined
    if (step.done) return this.#finish(this.#options.surface.end())
    const written = this.#options.surface.event(step.value)
    if (written === '') return this.#advance()
    this.#awaitClient()
    if (typeof written === 'string' && written.length <= maxPieceLength) return this.#write(written)
    this.#pieces = typeof written === 'string' ? slicesOf(written, maxPieceLength) : written[Symbol.iterator]()
    return this.#writePiece(this.#pieces)
  }

  /** Until all pieces are written it is the client's turn: a keep-alive would stand within the event. */
  async #writePiece(pieces: Iterator<string>): Promise<void> {
    await nextTurn()
    if (this.#isOver) return
    const { done, value } = pieces.next()
    if (done) {
      this.#pieces = undefined
      return this.pull()
    }
    this.#write(value)
    this.#awaitClient()
  }

  #awaitClient(): void {
    this.#turn = 'client'
    this.#watchdog.feed(this.#options.stuckMs)
  }

  readonly #onFailure = (thrown: unknown): void => {
    if (!this.#isOver) this.#finish(this.#options.surface.error(asChatError(thrown)))
  }

  /** The client left. Abort first: the iterator cannot return while it waits for the upstream. */
  cancel(): void {
    if (this.#isOver) return
    this.#close()
    this.#options.abort(new ChatError('cancelled', { message: 'The client closed the connection.' }))
    void this.#events.return?.().catch(() => undefined)
  }

  #onSilence(): void {
    if (this.#turn === 'upstream') {
      this.#write(this.#options.surface.keepAlive)
      this.#watchdog.feed(this.#options.keepAliveMs)
      return
    }
    const stuck = new ChatError('cancelled', { message: 'The client took nothing for too long.', code: 'client_stuck' })
    this.#controller?.error(stuck)
    this.cancel()
  }

  #write(text: string): void {
    this.#controller?.enqueue(utf8.encode(text))
  }

  #finish(bytes: string): void {
    this.#write(bytes)
    this.#close()
    this.#controller?.close()
  }

  #close(): void {
    this.#isOver = true
    this.#watchdog.stop()
    this.#options.closed()
  }
}
