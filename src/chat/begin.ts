import { asChatError, type ChatError } from './error.ts'
import { type ChatEvent, isBlank } from './event.ts'
import { StandIn } from './stand-in.ts'

/** A stream that has shown its first event. */
export interface Begun<Event = ChatEvent> {
  /** Every event of the stream, those already read included. May be iterated once. */
  readonly events: AsyncIterable<Event>
}

/**
 * Waits for the first event that shows a client anything: the commit point. Up to it a failure can still become a retry
 * or an HTTP status; after it, it is in-band. Blank events before it (a role, say) are kept and replayed.
 * @throws whatever the stream threw before its first event
 * @see docs/decisions/0004-commit-point.md
 */
export function begin(source: AsyncIterable<ChatEvent>): Promise<Begun> {
  return beginWith(source, (event) => !isBlank(event))
}

/** The same for a stream of any events, with what of it shows a client anything. */
export async function beginWith<Event extends object>(
  source: AsyncIterable<Event>,
  shows: (event: Event) => boolean,
): Promise<Begun<Event>> {
  const iterator = source[Symbol.asyncIterator]()
  const read: Event[] = []
  for (;;) {
    const step = await iterator.next()
    if (step.done) return { events: new Replay(read, undefined) }
    read.push(step.value)
    if (shows(step.value)) return { events: new Replay(read, iterator) }
  }
}

/** What was begun, or why it could not be. @param open may throw: that is a failure like any other */
export async function beginOrError(open: () => AsyncIterable<ChatEvent>): Promise<Begun | ChatError> {
  try {
    return await begin(open())
  } catch (thrown) {
    return asChatError(thrown)
  }
}

/** The events already read, then the iterator itself: no generator stays in the way of the rest of the stream. */
class Replay<Event extends object> extends StandIn<Event> {
  readonly #read: Event[]
  readonly #rest: AsyncIterator<Event> | undefined
  #position = 0

  constructor(read: Event[], rest: AsyncIterator<Event> | undefined) {
    super()
    this.#read = read
    this.#rest = rest
  }

  get found(): AsyncIterator<Event> | undefined {
    return this.#position < this.#read.length ? undefined : this.#rest
  }

  next(): Promise<IteratorResult<Event>> {
    const value = this.#read[this.#position++]
    if (value) return Promise.resolve({ done: false, value })
    this.#read.length = 0
    return this.#rest ? this.#rest.next() : Promise.resolve({ done: true, value: undefined })
  }

  async return(): Promise<IteratorResult<Event>> {
    this.#read.length = 0
    await this.#rest?.return?.()
    return { done: true, value: undefined }
  }
}
