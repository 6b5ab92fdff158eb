import type { Flow, NextBatch } from './flow.ts'

/**
 * Delays the end of a flow until `written()` has settled, because the end tells the reader that everything is kept.
 * @param written called at the end, if it is no failure and the reader has not left. Its promise must not reject
 */
export function endAfter<Event>(flow: Flow<Event>, written: () => Promise<void> | undefined): Flow<Event> {
  return new EndAfterFlow(flow, written)
}

class EndAfterFlow<Event> implements Flow<Event> {
  readonly #inner: Flow<Event>
  readonly #written: () => Promise<void> | undefined
  #isClosed = false

  constructor(inner: Flow<Event>, written: () => Promise<void> | undefined) {
    this.#inner = inner
    this.#written = written
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    const batch = this.#inner.next()
    return batch instanceof Promise ? batch.then(this.#onBatch) : this.#onBatch(batch)
  }

  close(): void {
    this.#isClosed = true
    this.#inner.close()
  }

  /** A flow that is closed ends too, but its reader has left. */
  readonly #onBatch = (batch: NextBatch<Event>): NextBatch<Event> | Promise<NextBatch<Event>> =>
    batch ?? (this.#isClosed ? undefined : this.#written()?.then(() => undefined))
}
