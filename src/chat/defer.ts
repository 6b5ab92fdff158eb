import { StandIn } from './stand-in.ts'

/**
 * A stream that is only found when it is first read, after a wait or a choice. From then on reading it is reading what
 * was found: unlike a generator that passes events on, it costs nothing an event (docs/decisions/0010-cheap-layers.md).
 */
export function defer<Event>(open: () => Promise<AsyncIterable<Event>>): AsyncIterable<Event> {
  return new Deferred(open)
}

class Deferred<Event> extends StandIn<Event> {
  readonly #open: () => Promise<AsyncIterable<Event>>
  #found: AsyncIterator<Event> | undefined
  #opening: Promise<AsyncIterator<Event>> | undefined

  constructor(open: () => Promise<AsyncIterable<Event>>) {
    super()
    this.#open = open
  }

  get found(): AsyncIterator<Event> | undefined {
    return this.#found
  }

  next(): Promise<IteratorResult<Event>> {
    if (this.#found) return this.#found.next()
    this.#opening ??= this.#start()
    return this.#opening.then((opened) => opened.next())
  }

  async return(): Promise<IteratorResult<Event>> {
    const opened = this.#found ?? (await this.#opening)
    await opened?.return?.()
    return { done: true, value: undefined }
  }

  async #start(): Promise<AsyncIterator<Event>> {
    this.#found = (await this.#open())[Symbol.asyncIterator]()
    return this.#found
  }
}
