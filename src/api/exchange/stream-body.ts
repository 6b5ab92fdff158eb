import { asChatError, ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { slicesOf } from '../../chat/slices.ts'
import type { Batch, Flow, NextBatch } from '../../flow/flow.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import type { Timers } from '../../flow/timers.ts'
import { Watchdog } from '../../flow/watchdog.ts'
import { clientLeft } from './client-left.ts'

/** Writes events in a surface's format. The output must be valid for every text that an upstream may send. */
export interface StreamSurface<Event = ChatEvent> {
  /** The text of an event, in pieces if it is long; empty if the event is not shown. */
  event(event: Event): string | Iterable<string>
  /** The text that ends a complete stream. */
  end(): string
  /** The text that ends a failed stream. */
  error(error: ChatError): string
  /** The text that keeps a silent stream alive. */
  readonly keepAlive: string
}

export interface StreamBodyOptions<Event = ChatEvent> {
  readonly surface: StreamSurface<Event>
  /**
   * Text to send at once, before any event, because Bun holds the response's head back until the first bytes of the
   * body.
   */
  readonly opening: string
  /** Milliseconds of silence until a keep-alive. */
  readonly keepAliveMs: number
  /** Milliseconds after which a client that takes no bytes is given up. */
  readonly stuckMs: number
  readonly timers: Timers
  abort(reason: ChatError): void
  /** Called once, when the stream has ended in any way. */
  closed(): void
}

const utf8 = new TextEncoder()
/** The most characters that are written at once. */
const maxPieceLength = 256 * 1024
/** Characters that may be written without waiting before other streams get a turn. Each event counts as some more. */
const maxBurst = 128 * 1024
const perEvent = 64

/**
 * Makes a response body that reads a batch when the client takes bytes, and writes all of it at once. So a slow client
 * slows the upstream down. It ends exactly once. (Why a pull stream: docs/decisions/0003-pull-streams.md.)
 */
export function streamBody<Event>(flow: Flow<Event>, options: StreamBodyOptions<Event>): ReadableStream<Uint8Array> {
  const pump = new Pump(flow, options)
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
  readonly #flow: Flow<Event>
  readonly #options: StreamBodyOptions<Event>
  readonly #watchdog: Watchdog
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #turn: 'upstream' | 'client' = 'client'
  /** The rest of a long batch. */
  #pieces: Iterator<string> | undefined
  /** The characters written since other streams had a turn. */
  #burst = 0
  #isOver = false

  constructor(flow: Flow<Event>, options: StreamBodyOptions<Event>) {
    this.#flow = flow
    this.#options = options
    this.#watchdog = new Watchdog(options.timers, () => this.#onSilence())
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    if (this.#options.opening !== '') this.#write(this.#options.opening)
    this.#watchdog.feed(this.#options.stuckMs)
  }

  /** Writes the next batch, the next piece of a long batch, or the end. */
  pull(): Promise<void> | undefined {
    if (this.#pieces) return this.#writePiece(this.#pieces)
    this.#turn = 'upstream'
    this.#watchdog.feed(this.#options.keepAliveMs)
    return this.#advance()
  }

  #advance(): Promise<void> | undefined {
    if (this.#burst > maxBurst) return this.#advanceLater()
    try {
      const batch = this.#flow.next()
      // this is not an async function, because that would take a tenth of the whole time of a batch
      return batch instanceof Promise ? batch.then(this.#onBatch, this.#onFailure) : this.#onBatch(batch)
    } catch (thrown) {
      this.#onFailure(thrown)
    }
    return undefined
  }

  /** Gives other streams a turn, so that many ready batches do not block them. */
  async #advanceLater(): Promise<void> {
    this.#burst = 0
    await nextTurn()
    if (!this.#isOver) await this.#advance()
  }

  readonly #onBatch = (batch: NextBatch<Event>): Promise<void> | undefined => {
    try {
      return this.#take(batch)
    } catch (thrown) {
      this.#onFailure(thrown)
    }
    return undefined
  }

  #take(batch: NextBatch<Event>): Promise<void> | undefined {
    if (this.#isOver) return undefined
    if (!batch) {
      this.#finish(this.#options.surface.end())
      return undefined
    }
    this.#burst += perEvent * batch.length
    const written = textOf(batch, this.#options.surface)
    if (written === '') return this.#advance()
    this.#awaitClient()
    if (typeof written !== 'string') return this.#writePiece(written)
    this.#write(written)
    return undefined
  }

  /**
   * Writes a piece. The turn stays with the client until the last piece, because a keep-alive must not land inside an
   * event.
   */
  async #writePiece(pieces: Iterator<string>): Promise<void> {
    this.#pieces = pieces
    await nextTurn()
    if (this.#isOver) return
    try {
      const { done, value } = pieces.next()
      if (!done) {
        this.#write(value)
        this.#awaitClient()
        return
      }
    } catch (thrown) {
      this.#onFailure(thrown)
      return
    }
    this.#pieces = undefined
    await this.pull()
  }

  #awaitClient(): void {
    this.#turn = 'client'
    this.#watchdog.feed(this.#options.stuckMs)
  }

  readonly #onFailure = (thrown: unknown): void => {
    if (this.#isOver) return
    this.#finish(this.#options.surface.error(asChatError(thrown)))
    // if the failure came from writing, the flow is still open
    this.#flow.close()
  }

  /** The client has left. */
  cancel(): void {
    if (this.#isOver) return
    this.#close()
    this.#options.abort(clientLeft())
    this.#flow.close()
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
    this.#burst += text.length
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

/** The text of a batch, in pieces if it is long. */
function textOf<Event>(batch: Batch<Event>, surface: StreamSurface<Event>): string | Iterator<string> {
  let text = ''
  let at = 0
  for (const event of batch) {
    at++
    const written = surface.event(event)
    const fits = typeof written === 'string' && text.length + written.length <= maxPieceLength
    if (!fits) return piecesOf({ text, written, rest: batch.slice(at) }, surface)
    text += written
  }
  return text
}

interface LongBatch<Event> {
  /** The text of the events before the long one. */
  readonly text: string
  /** The text of the event that makes the batch too long. */
  readonly written: string | Iterable<string>
  readonly rest: Batch<Event>
}

function* piecesOf<Event>(long: LongBatch<Event>, surface: StreamSurface<Event>): Generator<string> {
  let { text } = long
  for (const written of eachWritten(long, surface)) {
    if (typeof written === 'string' && text.length + written.length <= maxPieceLength) {
      text += written
      continue
    }
    if (text !== '') yield text
    text = ''
    if (typeof written === 'string') yield* slicesOf(written, maxPieceLength)
    else yield* written
  }
  if (text !== '') yield text
}

function* eachWritten<Event>({ written, rest }: LongBatch<Event>, surface: StreamSurface<Event>) {
  yield written
  for (const event of rest) yield surface.event(event)
}
