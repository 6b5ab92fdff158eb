import { asChatError, type ChatError } from './error.ts'
import type { ChatEvent } from './event.ts'
import { behind } from './stand-in.ts'

/** How a stream ended: it was over, it failed, or its reader left. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ChatError }
  | { readonly kind: 'left' }

/** Looks on as a stream is read. */
export interface EventWatcher<Event = ChatEvent> {
  /** The reader asks for an event. What it throws ends the stream. */
  asked?(): void
  /** An event passes. */
  passed?(event: Event): void
  /** What is still to be said before the stream ends so. It passes those who watch further out. Who left is told nothing. */
  last?(ending: Ending): Event | undefined
  /** Called once, however the stream ended. */
  ended?(ending: Ending): void
}

/**
 * The same stream, looked on at. Watching a stream that is watched already adds to its watchers, inner ones first: so
 * layers that only look on cost one hop an event together, not one each (docs/decisions/0010-cheap-layers.md).
 * What is watched must be read, or its `return` called: `ended` relies on it.
 */
export function watch<Event>(events: AsyncIterable<Event>, watcher: EventWatcher<Event>): AsyncIterable<Event> {
  if (!(events instanceof Watched)) return new Watched(events, watcher)
  events.add(watcher)
  return events
}

type Step<Event> = IteratorResult<Event>

class Watched<Event> implements AsyncIterableIterator<Event> {
  #source: AsyncIterator<Event>
  #watchers: EventWatcher<Event>[]
  #ending: Ending | undefined
  /** Watchers that know of the ending. */
  #told = 0

  constructor(events: AsyncIterable<Event>, watcher: EventWatcher<Event>) {
    this.#source = events[Symbol.asyncIterator]()
    this.#watchers = [watcher]
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  add(watcher: EventWatcher<Event>): void {
    this.#watchers.push(watcher)
  }

  next(): Promise<Step<Event>> {
    if (this.#ending) return this.#end(this.#ending)
    this.#source = behind(this.#source)
    while (this.#source instanceof Watched && !this.#source.#ending) this.#join(this.#source)
    try {
      for (const watcher of this.#watchers) watcher.asked?.()
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
    return this.#source.next().then(this.#onStep, this.#onFailure)
  }

  async return(): Promise<Step<Event>> {
    const ending = this.#ending ?? { kind: 'left' }
    while (this.#tell(ending) !== undefined) {
      // nobody hears any more what is still to be said
    }
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  /** What was found behind a stand-in is watched too: from now on by this one, for nobody else reads it. */
  #join(inner: Watched<Event>): void {
    this.#watchers = [...inner.#watchers, ...this.#watchers]
    this.#source = behind(inner.#source)
  }

  readonly #onStep = (step: Step<Event>): Step<Event> | Promise<Step<Event>> => {
    if (step.done) return this.#end({ kind: 'done' })
    for (const watcher of this.#watchers) watcher.passed?.(step.value)
    return step
  }

  readonly #onFailure = (thrown: unknown): Promise<Step<Event>> =>
    this.#end({ kind: 'failed', error: asChatError(thrown) })

  #end(ending: Ending): Promise<Step<Event>> {
    const value = this.#tell(ending)
    if (value !== undefined) return Promise.resolve({ done: false, value })
    return ending.kind === 'failed' ? Promise.reject(ending.error) : Promise.resolve({ done: true, value: undefined })
  }

  /** Tells the watchers, inner ones first, as far as one who has something to say. */
  #tell(ending: Ending): Event | undefined {
    this.#ending = ending
    for (let watcher = this.#watchers[this.#told]; watcher; watcher = this.#watchers[this.#told]) {
      this.#told++
      const last = ending.kind === 'left' ? undefined : watcher.last?.(ending)
      watcher.ended?.(ending)
      if (last === undefined) continue
      for (const outer of this.#watchers.slice(this.#told)) outer.passed?.(last)
      return last
    }
    return undefined
  }
}
