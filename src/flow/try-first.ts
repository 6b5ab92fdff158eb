import { type AnyEvent, begin, showsSomething } from './begin.ts'
import type { Cancel } from './cancel.ts'
import { defer, type FlowOpening } from './defer.ts'
import type { Flow, NextBatch } from './flow.ts'

/** What to try first, and what to do if that fails before its commit point. */
export interface FirstTry<Event> {
  /** Opens the first flow. It may throw, which counts as a failure of the flow. */
  open(): Flow<Event>
  /** Called at the commit point of the first flow. */
  onBegun?(): void
  /**
   * Finds another flow after a failure before the commit point.
   * @throws the failure, if there is no other flow
   */
  recover(thrown: unknown, opening: FlowOpening): Promise<Flow<Event>>
}

/**
 * Returns a flow that is opened on its first read, and replaced if it fails before its commit point. If the first try succeeds,
 * as it usually does, this flow adds no promise.
 * @param parent aborts the waits of `recover`
 */
export function tryFirst<Event extends AnyEvent>(first: FirstTry<Event>, parent: Cancel): Flow<Event> {
  return new TriedFlow(first, parent)
}

class TriedFlow<Event extends AnyEvent> implements Flow<Event> {
  readonly #first: FirstTry<Event>
  readonly #parent: Cancel
  #tried: Flow<Event> | undefined
  /** The flow after the commit point, or after a failure. */
  #found: Flow<Event> | undefined
  #isClosed = false

  constructor(first: FirstTry<Event>, parent: Cancel) {
    this.#first = first
    this.#parent = parent
  }

  get found(): Flow<Event> | undefined {
    return this.#isClosed ? undefined : this.#found
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#found) return this.#found.next()
    if (this.#isClosed) return undefined
    try {
      this.#tried = this.#first.open()
      const batch = this.#tried.next()
      return batch instanceof Promise ? batch.then(this.#onFirst, this.#recover) : this.#onFirst(batch)
    } catch (thrown) {
      return this.#recover(thrown)
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#tried?.close()
    if (this.#found !== this.#tried) this.#found?.close()
  }

  readonly #onFirst = (batch: NextBatch<Event>): NextBatch<Event> | Promise<NextBatch<Event>> => {
    const tried = this.#tried
    if (this.#isClosed || !tried) return undefined
    if (batch && !showsSomething(batch)) return begin(tried, [batch]).then(this.#onBegun, this.#recover)
    this.#commit(tried)
    return batch
  }

  readonly #onBegun = (begun: Flow<Event>): NextBatch<Event> | Promise<NextBatch<Event>> => {
    if (this.#isClosed) return undefined
    this.#commit(begun)
    return begun.next()
  }

  #commit(begun: Flow<Event>): void {
    this.#found = begun
    this.#first.onBegun?.()
  }

  readonly #recover = (thrown: unknown): NextBatch<Event> | Promise<NextBatch<Event>> => {
    this.#tried = undefined
    if (this.#isClosed) return undefined
    this.#found = defer((opening) => this.#first.recover(thrown, opening), this.#parent)
    return this.#found.next()
  }
}
