import { asChatError, type ChatError } from '../chat/error.ts'
import type { Flow, NextBatch } from './flow.ts'

/**
 * Delays the end of a flow, or its failure, until `written()` has settled, because the end tells the reader that everything is kept.
 * @param written called at the end, unless the reader has left, with the failure if there is one. Its promise must not reject
 */
export function endAfter<Event>(
  flow: Flow<Event>,
  written: (error?: ChatError) => Promise<void> | undefined,
): Flow<Event> {
  return new EndAfterFlow(flow, written)
}

class EndAfterFlow<Event> implements Flow<Event> {
  readonly #inner: Flow<Event>
  readonly #written: (error?: ChatError) => Promise<void> | undefined
  #isClosed = false

  constructor(inner: Flow<Event>, written: (error?: ChatError) => Promise<void> | undefined) {
    this.#inner = inner
    this.#written = written
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    try {
      const batch = this.#inner.next()
      return batch instanceof Promise ? batch.then(this.#onBatch, this.#onFailure) : this.#onBatch(batch)
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#inner.close()
  }

  /** A flow that is closed ends too, but its reader has left. */
  readonly #onBatch = (batch: NextBatch<Event>): NextBatch<Event> | Promise<NextBatch<Event>> =>
    batch ?? (this.#isClosed ? undefined : this.#written()?.then(() => undefined))

  readonly #onFailure = (thrown: unknown): Promise<never> => {
    const error = asChatError(thrown)
    const hasReader = !this.#isClosed && error.reason !== 'cancelled'
    const kept = hasReader ? this.#written(error) : undefined
    if (kept) return kept.then(() => Promise.reject(thrown))
    throw thrown
  }
}
