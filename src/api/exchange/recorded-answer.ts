import { asChatError, ChatError } from '../../chat/error.ts'
import type { RecordedEvent } from '../../conversations/read-recording.ts'
import type { Recording } from '../../conversations/recording.ts'
import { type AnyEvent, begin } from '../../flow/begin.ts'
import type { Flow, NextBatch } from '../../flow/flow.ts'
import type { Timers } from '../../flow/timers.ts'
import { Watchdog } from '../../flow/watchdog.ts'
import { eventsIn } from '../../wire/sse.ts'
import type { OpenCall } from './calls.ts'
import type { StreamSurface } from './stream-body.ts'

/** Milliseconds for which an answer goes on without a reader. */
const unreadMs = 60_000

interface RecordedAnswerOptions<Event> {
  readonly surface: StreamSurface<Event>
  readonly recording: Recording
  readonly open: OpenCall
  readonly timers: Timers
}

/**
 * Numbers the events of an answer as a client gets them, and records them. When its reader leaves, it reads on by itself, until the
 * end or until nobody has read the recording for a while.
 */
export class RecordedAnswer<Event extends AnyEvent> implements Flow<RecordedEvent>, StreamSurface<RecordedEvent> {
  #flow: Flow<Event>
  readonly #options: RecordedAnswerOptions<Event>
  readonly #unread: Watchdog
  #hasBegun = false
  #hasLeft = false
  #isOver = false
  #pending: Promise<unknown> | undefined
  /** The number of the next event. */
  #next = 0
  #failureText: string | undefined

  constructor(flow: Flow<Event>, options: RecordedAnswerOptions<Event>) {
    this.#flow = flow
    this.#options = options
    this.#unread = new Watchdog(options.timers, () => options.open.abort(unread()))
  }

  get keepAlive(): string {
    return this.#options.surface.keepAlive
  }

  event({ text }: RecordedEvent): string {
    return text
  }

  /** The end is an event that was recorded. */
  end(): string {
    return ''
  }

  error(error: ChatError): string {
    return this.#failureText ?? this.#options.surface.error(error)
  }

  next(): Promise<NextBatch<RecordedEvent>> {
    const step = this.#step()
    this.#pending = step
    return step
  }

  close(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    if (!this.#isOver) void this.#readOn()
  }

  /** Somebody reads the recording. */
  noteReader(): void {
    if (this.#hasLeft && !this.#isOver) this.#unread.feed(unreadMs)
  }

  async #readOn(): Promise<void> {
    this.noteReader()
    await this.#pending?.catch(() => undefined)
    while (!this.#isOver) await this.#step().catch(() => undefined)
  }

  /** Reads until an event is shown. The commit point is the same as without a recording. */
  async #step(): Promise<NextBatch<RecordedEvent>> {
    if (this.#isOver) return undefined
    const { surface } = this.#options
    try {
      if (!this.#hasBegun) this.#flow = await begin(this.#flow)
      this.#hasBegun = true
      for (;;) {
        const batch = await this.#flow.next()
        if (!batch) return this.#end(surface.end())
        const events = this.#numbered(batch.map((event) => textOf(surface.event(event))).join(''))
        await this.#options.recording.append(events.map(({ text }) => text))
        if (events.length > 0) return events
      }
    } catch (thrown) {
      // a failure of a surface leaves the flow open
      this.#flow.close()
      this.#failureText = this.#end(surface.error(asChatError(thrown)))
        .map(({ text }) => text)
        .join('')
      throw thrown
    }
  }

  /** Ends the recording with this text. */
  #end(text: string): readonly RecordedEvent[] {
    const { recording, open } = this.#options
    this.#isOver = true
    this.#unread.stop()
    const last = this.#numbered(text)
    void recording.append(last.map((event) => event.text))
    void recording.end().finally(() => open.close())
    return last
  }

  #numbered(text: string): readonly RecordedEvent[] {
    if (text === '') return []
    return eventsIn(text).flatMap((event) => {
      if (event === '') return []
      const number = this.#next++
      return { type: 'recorded', number, text: `id: ${number}\n${event}` } as const
    })
  }
}

function textOf(written: string | Uint8Array | Iterable<string>): string {
  if (typeof written === 'string') return written
  return written instanceof Uint8Array ? new TextDecoder().decode(written) : [...written].join('')
}

function unread(): ChatError {
  const message = `Nobody has read this stream for ${unreadMs / 1000} seconds, so it was stopped.`
  return new ChatError('cancelled', { message, code: 'stream_unread' })
}
