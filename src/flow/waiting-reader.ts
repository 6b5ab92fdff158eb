import type { NextBatch } from './flow.ts'

export interface WaitingReaderOptions<Event> {
  /** Whether a batch, the end or a failure is there. */
  isDue(): boolean
  /** @throws the failure */
  take(): NextBatch<Event>
}

/** The reader of a flow that is fed from elsewhere. It waits while nothing is due. */
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

  /** Gives the reader what is due, if it waits. */
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
