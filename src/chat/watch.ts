import { asChatError, type ChatError } from './error.ts'
import type { ChatEvent } from './event.ts'

/** How a stream ended: it was over, it failed, or its reader left. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ChatError }
  | { readonly kind: 'left' }

/** Looks on as a stream is read. */
export interface Watcher<Event = ChatEvent> {
  /** The reader asks for an event. What it throws ends the stream. */
  asked?(): void
  /** An event passes. */
  passed?(event: Event): void
  /** Called once, however the stream ended. */
  ended?(ending: Ending): void
}

/**
 * The same stream, looked on at. Watching a stream that is watched already adds to its watchers, inner ones first: so
 * layers that only look on cost one hop an event together, not one each (docs/decisions/0010-cheap-layers.md).
 * What is watched must be read, or its `return` called: `ended` relies on it.
 */
export function watch<Event>(events: AsyncIterable<Event>, watcher: Watcher<Event>): AsyncIterable<Event> {
  if (!(events instanceof Watched)) return new Watched(events, watcher)
  events.add(watcher)
  return events
}

class Watched<Event> implements AsyncIterableIterator<Event> {
  readonly #source: AsyncIterator<Event>
  readonly #watchers: Watcher<Event>[]
  #isOver = false

  constructor(events: AsyncIterable<Event>, watcher: Watcher<Event>) {
    this.#source = events[Symbol.asyncIterator]()
    this.#watchers = [watcher]
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  add(watcher: Watcher<Event>): void {
    this.#watchers.push(watcher)
  }

  next(): Promise<IteratorResult<Event>> {
    try {
      for (const watcher of this.#watchers) watcher.asked?.()
    } catch (thrown) {
      return Promise.reject(this.#failed(thrown))
    }
    return this.#source.next().then(this.#onStep, this.#onFailure)
  }

  async return(): Promise<IteratorResult<Event>> {
    this.#end({ kind: 'left' })
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  readonly #onStep = (step: IteratorResult<Event>): IteratorResult<Event> => {
    if (step.done) this.#end({ kind: 'done' })
    else for (const watcher of this.#watchers) watcher.passed?.(step.value)
    return step
  }

  readonly #onFailure = (thrown: unknown): never => {
    throw this.#failed(thrown)
  }

  #failed(thrown: unknown): ChatError {
    const error = asChatError(thrown)
    this.#end({ kind: 'failed', error })
    return error
  }

  #end(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const watcher of this.#watchers) watcher.ended?.(ending)
  }
}
