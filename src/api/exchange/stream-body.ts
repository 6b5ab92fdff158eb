import { asChatError, ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { slicesOf } from '../../chat/slices.ts'
import type { Batch, Flow, NextBatch } from '../../flow/flow.ts'
import type { BodySink, BodyWriter, Network } from '../../flow/network.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import type { Timers } from '../../flow/timers.ts'
import { Watchdog } from '../../flow/watchdog.ts'
import { clientLeft } from './client-left.ts'

/** Writes events in a surface's format. The output must be valid for every text that an upstream may send. */
export interface StreamSurface<Event = ChatEvent> {
  /** The text of an event, in pieces if it is long; empty if the event is not shown. A relayed event has bytes. */
  event(event: Event): string | Uint8Array | Iterable<string>
  /** The text that ends a complete stream. */
  end(): string
  /**
   * Keeps what was written, after the last event. The end is sent when it is kept, because the client may refer to it then.
   * It must not reject.
   * @param error why the answer failed
   */
  kept?(error?: ChatError): Promise<void> | undefined
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
  /** Whether a failure breaks the connection off, because the format has no word for one. */
  readonly breaksOff?: true
  /** Milliseconds of silence until a keep-alive. */
  readonly keepAliveMs: number
  /** Milliseconds after which a client that takes no bytes is given up. */
  readonly stuckMs: number
  readonly timers: Timers
  /** Makes the body. */
  readonly network: Pick<Network, 'writtenBody'>
  abort(reason: ChatError): void
  /** Called once, when the stream has ended in any way. */
  closed(): void
}

/** The most characters that are written at once. */
const maxPieceLength = 256 * 1024
/** Characters that may be written without waiting before other streams get a turn. Each event counts as some more. */
const maxBurst = 128 * 1024
const perEvent = 64

/**
 * Makes a response body that reads the next batch when the client has taken the last one. So a slow client slows the upstream
 * down. It ends exactly once.
 */
export function streamBody<Event>(flow: Flow<Event>, options: StreamBodyOptions<Event>): ReadableStream<Uint8Array> {
  return options.network.writtenBody(new Pump(flow, options))
}

class Pump<Event> implements BodyWriter {
  readonly #flow: Flow<Event>
  readonly #options: StreamBodyOptions<Event>
  readonly #watchdog: Watchdog
  #sink: BodySink | undefined
  #turn: 'upstream' | 'client' = 'client'
  /** What the client must take before more is written. */
  #untaken: Promise<unknown> | undefined
  #isReading = false
  /** The characters written since other streams had a turn. */
  #burst = 0
  #isOver = false

  constructor(flow: Flow<Event>, options: StreamBodyOptions<Event>) {
    this.#flow = flow
    this.#options = options
    this.#watchdog = new Watchdog(options.timers, this.#onSilence)
    this.#watchdog.feed(options.stuckMs)
  }

  start(sink: BodySink): void {
    this.#sink = sink
    const { opening } = this.#options
    if (opening === '' || this.#write(opening)) this.#run()
  }

  /** The client has left. */
  left(): void {
    if (this.#isOver) return
    this.#close()
    this.#options.abort(clientLeft())
    this.#flow.close()
  }

  /** Reads and writes batches until one of the two must be waited for. */
  #run(): void {
    try {
      while (!this.#isOver) {
        if (this.#burst > maxBurst) {
          void this.#runLater()
          return
        }
        const batch = this.#flow.next()
        if (batch instanceof Promise) {
          this.#isReading = true
          this.#awaitUpstream()
          batch.then(this.#onBatch, this.#onFailure)
          return
        }
        if (!this.#take(batch)) return
      }
    } catch (thrown) {
      this.#onFailure(thrown)
    }
  }

  /** Gives other streams a turn, so that many ready batches do not block them. */
  async #runLater(): Promise<void> {
    this.#burst = 0
    await nextTurn()
    this.#run()
  }

  readonly #onBatch = (batch: NextBatch<Event>): void => {
    this.#isReading = false
    try {
      if (this.#take(batch)) this.#run()
    } catch (thrown) {
      this.#onFailure(thrown)
    }
  }

  /** Writes a batch, or the end. Returns whether the next batch may be read at once. */
  #take(batch: NextBatch<Event>): boolean {
    if (this.#isOver) return false
    if (!batch) {
      this.#finish(this.#options.surface.end())
      return false
    }
    this.#burst += perEvent * batch.length
    const written = textOf(batch, this.#options.surface)
    if (written === '') return true
    if (typeof written === 'string') return this.#write(written)
    void this.#writePieces(written)
    return false
  }

  /** Writes text. Returns whether the client has taken it. */
  #write(text: string): boolean {
    this.#burst += text.length
    const untaken = this.#sink?.write(text)
    if (!untaken) return true
    this.#untaken = untaken
    this.#awaitClient()
    const onTaken = () => this.#onTaken(untaken)
    untaken.then(onTaken, onTaken)
    return false
  }

  #onTaken(taken: Promise<unknown>): void {
    if (this.#untaken !== taken) return
    this.#untaken = undefined
    if (this.#isOver) return
    if (this.#isReading) this.#awaitUpstream()
    else this.#run()
  }

  /** The turn stays with the client until the last piece, because a keep-alive must not land inside an event. */
  async #writePieces(pieces: Iterator<string | Uint8Array>): Promise<void> {
    this.#untaken = undefined
    try {
      for (;;) {
        this.#awaitClient()
        await nextTurn()
        if (this.#isOver) return
        const { done, value } = pieces.next()
        if (done) break
        await this.#sink?.write(value)
      }
    } catch (thrown) {
      this.#onFailure(thrown)
      return
    }
    this.#run()
  }

  #awaitUpstream(): void {
    this.#turn = 'upstream'
    this.#watchdog.feed(this.#options.keepAliveMs)
  }

  #awaitClient(): void {
    this.#turn = 'client'
    this.#watchdog.feed(this.#options.stuckMs)
  }

  readonly #onFailure = (thrown: unknown): void => {
    this.#isReading = false
    if (this.#isOver) return
    if (this.#options.breaksOff) this.#breakOff(thrown)
    else this.#finish(this.#options.surface.error(asChatError(thrown)))
    // if the failure came from writing, the flow is still open
    this.#flow.close()
  }

  readonly #onSilence = (): void => {
    if (this.#turn === 'upstream') {
      if (this.#write(this.#options.surface.keepAlive)) this.#awaitUpstream()
      return
    }
    const stuck = new ChatError('cancelled', { message: 'The client took nothing for too long.', code: 'client_stuck' })
    this.#sink?.fail(stuck)
    this.left()
  }

  #finish(text: string): void {
    this.#close()
    this.#sink?.end(text)
  }

  #breakOff(thrown: unknown): void {
    this.#close()
    this.#sink?.fail(thrown)
  }

  #close(): void {
    this.#isOver = true
    this.#watchdog.stop()
    this.#options.closed()
  }
}

/** The text of a batch, in pieces if it is long. */
function textOf<Event>(batch: Batch<Event>, surface: StreamSurface<Event>): string | Iterator<string | Uint8Array> {
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
  readonly written: string | Uint8Array | Iterable<string>
  readonly rest: Batch<Event>
}

function* piecesOf<Event>(long: LongBatch<Event>, surface: StreamSurface<Event>): Generator<string | Uint8Array> {
  let { text } = long
  for (const written of eachWritten(long, surface)) {
    if (typeof written === 'string' && text.length + written.length <= maxPieceLength) {
      text += written
      continue
    }
    if (text !== '') yield text
    text = ''
    if (typeof written === 'string') yield* slicesOf(written, maxPieceLength)
    else if (written instanceof Uint8Array) yield written
    else yield* written
  }
  if (text !== '') yield text
}

function* eachWritten<Event>({ written, rest }: LongBatch<Event>, surface: StreamSurface<Event>) {
  yield written
  for (const event of rest) yield surface.event(event)
}
