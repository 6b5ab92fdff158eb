import { type AnyEvent, begin } from './begin.ts'
import type { Flow, NextBatch } from './flow.ts'
import { WaitingReader } from './waiting-reader.ts'

export interface ReadAheadOptions<Event> {
  /** How much may wait for the reader, in the unit of `sizeOf`. Above this the flow is not read, so its upstream waits. */
  readonly maxSize: number
  sizeOf(event: Event): number
}

/** A flow that is read before its reader asks for batches. */
export interface ReadAheadFlow<Event> extends Flow<Event> {
  /** Resolves at the commit point, at the end, or when it is closed. Rejects with a failure before that. */
  readonly begun: Promise<void>
}

/**
 * Starts to read a flow at once, up to a bound. When several answers are shown one after the other, the later ones are then
 * ready when their turn comes.
 * @param open may throw, which counts as a failure of the flow
 */
export function readAhead<Event extends AnyEvent>(
  open: () => Flow<Event>,
  options: ReadAheadOptions<Event>,
): ReadAheadFlow<Event> {
  return new AheadFlow(open, options)
}

class AheadFlow<Event extends AnyEvent> implements ReadAheadFlow<Event> {
  readonly begun: Promise<void>
  readonly #begin = Promise.withResolvers<void>()
  readonly #options: ReadAheadOptions<Event>
  #source: Flow<Event> | undefined
  #waiting: Event[] = []
  #size = 0
  #end: { readonly thrown: unknown } | 'done' | undefined
  #isClosed = false
  readonly #reader = new WaitingReader<Event>({ isDue: () => this.#isDue(), take: () => this.#take() })
  #onSpace: (() => void) | undefined

  constructor(open: () => Flow<Event>, options: ReadAheadOptions<Event>) {
    this.#options = options
    this.begun = this.#begin.promise
    this.begun.catch(() => undefined)
    void this.#fill(open)
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    return this.#reader.next()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting = []
    this.#source?.close()
    this.#begin.resolve()
    this.#onSpace?.()
    this.#reader.wake()
  }

  async #fill(open: () => Flow<Event>): Promise<void> {
    try {
      this.#source = open()
      const begun = await begin(this.#source)
      while (!this.#isClosed) {
        const batch = await begun.next()
        if (!batch || this.#isClosed) break
        this.#put(batch)
        this.#begin.resolve()
        while (this.#size > this.#options.maxSize && !this.#isClosed) await this.#space()
      }
      this.#end = 'done'
      this.#begin.resolve()
    } catch (thrown) {
      this.#end = { thrown }
      this.#begin.reject(thrown)
    }
    this.#reader.wake()
  }

  #put(batch: readonly Event[]): void {
    for (const event of batch) {
      this.#waiting.push(event)
      this.#size += this.#options.sizeOf(event)
    }
    this.#reader.wake()
  }

  #space(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSpace = resolve
    })
  }

  #isDue(): boolean {
    return this.#waiting.length > 0 || this.#end !== undefined || this.#isClosed
  }

  /** Takes all waiting events as one batch. @throws the failure of the flow, after all events have been taken */
  #take(): NextBatch<Event> {
    const batch = this.#waiting
    if (batch.length === 0) {
      if (this.#end && this.#end !== 'done' && !this.#isClosed) throw this.#end.thrown
      return undefined
    }
    this.#waiting = []
    this.#size = 0
    this.#onSpace?.()
    return batch
  }
}
