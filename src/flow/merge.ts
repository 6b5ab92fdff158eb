import type { ChatEvent } from '../chat/event.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'
import { WaitingReader } from './waiting-reader.ts'

/** A batch, and the position of its flow. */
export interface SourcedBatch<Event = ChatEvent> {
  readonly source: number
  readonly batch: Batch<Event>
}

/**
 * Merges several flows and gives their batches in the order of arrival. Each flow is read at most one batch ahead, so a slow
 * reader slows all of them. The first failure closes all flows, and is thrown after the batches that arrived before it.
 */
export function merge<Event>(flows: readonly Flow<Event>[]): Flow<SourcedBatch<Event>> {
  return new MergedFlow(flows)
}

class MergedFlow<Event> implements Flow<SourcedBatch<Event>> {
  readonly #flows: readonly Flow<Event>[]
  /** Positions of the flows that the next read asks for a batch. */
  #idle: number[]
  #running: number
  #arrived: SourcedBatch<Event>[] = []
  #failure: { readonly thrown: unknown } | undefined
  readonly #reader = new WaitingReader<SourcedBatch<Event>>({ isDue: () => this.#isDue(), take: () => this.#take() })
  #isClosed = false

  constructor(flows: readonly Flow<Event>[]) {
    this.#flows = flows
    this.#idle = [...flows.keys()]
    this.#running = flows.length
  }

  next(): NextBatch<SourcedBatch<Event>> | Promise<NextBatch<SourcedBatch<Event>>> {
    const idle = this.#idle
    this.#idle = []
    for (const source of idle) this.#ask(source)
    return this.#reader.next()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#idle = []
    this.#arrived = []
    this.#closeAll()
    this.#reader.wake()
  }

  #ask(source: number): void {
    if (this.#isClosed || this.#failure) return
    try {
      const batch = this.#flows[source]?.next()
      if (batch instanceof Promise)
        batch.then(
          (settled) => this.#add(source, settled),
          (thrown) => this.#fail(thrown),
        )
      else this.#add(source, batch)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #add(source: number, batch: NextBatch<Event>): void {
    if (this.#isClosed || this.#failure) return
    if (batch) {
      this.#arrived.push({ source, batch })
      this.#idle.push(source)
    } else this.#running--
    this.#reader.wake()
  }

  #fail(thrown: unknown): void {
    if (this.#isClosed || this.#failure) return
    this.#failure = { thrown }
    this.#idle = []
    this.#closeAll()
    this.#reader.wake()
  }

  #closeAll(): void {
    for (const flow of this.#flows) flow.close()
  }

  #isDue(): boolean {
    return this.#arrived.length > 0 || this.#failure !== undefined || this.#running === 0 || this.#isClosed
  }

  /** @throws the failure of a flow, after all earlier batches have been taken */
  #take(): NextBatch<SourcedBatch<Event>> {
    const arrived = this.#arrived
    this.#arrived = []
    if (arrived.length > 0) return arrived
    if (this.#failure && !this.#isClosed) throw this.#failure.thrown
    return undefined
  }
}
