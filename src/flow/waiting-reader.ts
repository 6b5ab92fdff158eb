import type { NextBatch } from './flow.ts'

export interface WaitingReaderOptions<Event> {
  /** Whether a batch, the end or a failure is ready. */
  isDue(): boolean
  /** @throws the failure */
  take(): NextBatch<Event>
}

/** Lets the reader of a flow wait until a batch, the end or a failure is ready. */
export class WaitingReader<Event> {
  readonly #options: WaitingReaderOptions<Event>
  #waiting: PromiseWithResolvers<NextBatch<Event>> | undefined

  constructor(options: WaitingReaderOptions<Event>) {
    this.#options = options
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#options.isDue()) return this.#options.take()
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  /** Gives a waiting reader the batch, the end or the failure that is ready. */
  wake(): void {
    const waiting = this.#waiting
    if (!waiting || !this.#options.isDue()) return
    this.#waiting = undefined
    try {
      waiting.resolve(this.#options.take())
    } catch (thrown) {
      waiting.reject(thrown)
    }
  }
}
