import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Cancel, CancelSource } from './cancel.ts'

/** The events that one read of the network made; never empty. */
export type Batch<Event = ChatEvent> = readonly Event[]

/** What `next` of a flow gives; undefined at the end. */
export type NextBatch<Event> = Batch<Event> | undefined

/**
 * An answer that is read batch by batch. It is read to its end, or closed (docs/decisions/0033-batches.md).
 * @typeParam Event what it consists of
 */
export interface Flow<Event = ChatEvent> {
  /**
   * The next batch, at once where it is there already; undefined at the end. One call at a time.
   * @throws ChatError, or rejects with one; and again where it is read on, so that no failure looks like an end
   */
  next(): NextBatch<Event> | Promise<NextBatch<Event>>
  /**
   * Stops early: aborts what the flow opened, then frees it. It may be called at any time, also while `next` is pending, which
   * then settles with nothing; and more than once. It never throws, and there is nothing to wait for.
   */
  close(): void
}

/** Gives batches as they come. The signal is aborted when nobody reads on, and with the parent of the flow. */
export type OpenBatches<Event> = (signal: Cancel) => AsyncIterable<Batch<Event>> | Promise<AsyncIterable<Batch<Event>>>

/**
 * The flow of a generator's batches. It is opened when it is first read.
 * @param parent aborts the flow: the generator is to wait for nothing without the signal it is given
 */
export function flowOf<Event>(open: OpenBatches<Event>, parent: Cancel): Flow<Event> {
  return new GeneratorFlow(open, parent)
}

/** The batches of a flow. Leaving the loop closes the flow. */
export async function* batches<Event>(flow: Flow<Event>): AsyncGenerator<Batch<Event>> {
  try {
    for (let batch = await flow.next(); batch; batch = await flow.next()) yield batch
  } finally {
    flow.close()
  }
}

/** The events of a flow one by one. Leaving the loop closes the flow. */
export async function* events<Event>(flow: Flow<Event>): AsyncGenerator<Event> {
  for await (const batch of batches(flow)) yield* batch
}

/** Why a flow that nobody reads on is aborted. */
export function closedEarly(): ChatError {
  return new ChatError('cancelled', { message: 'The answer is not read any further.' })
}

type IteratorStep<Event> = IteratorResult<Batch<Event>>

class GeneratorFlow<Event> implements Flow<Event> {
  #open: OpenBatches<Event> | undefined
  readonly #parent: Cancel
  #link: CancelSource | undefined
  #batches: AsyncIterator<Batch<Event>> | undefined
  #isOver = false
  #failure: { readonly thrown: unknown } | undefined

  constructor(open: OpenBatches<Event>, parent: Cancel) {
    this.#open = open
    this.#parent = parent
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#failure) throw this.#failure.thrown
    if (this.#isOver) return undefined
    const step = this.#batches ? this.#batches.next() : this.#start()
    return step.then(this.#onStep, this.#onFailure)
  }

  close(): void {
    this.#failure = undefined
    if (this.#isOver) return
    this.#isOver = true
    this.#link?.abort(closedEarly())
    this.#free()
  }

  async #start(): Promise<IteratorStep<Event>> {
    const open = this.#open
    this.#open = undefined
    this.#parent.throwIfAborted()
    this.#link = this.#parent.child()
    const opened = await open?.(this.#link)
    this.#batches = opened?.[Symbol.asyncIterator]()
    if (this.#batches && !this.#isOver) return this.#batches.next()
    // it was closed while it was opened
    this.#free()
    return { done: true, value: undefined }
  }

  readonly #onStep = ({ done, value }: IteratorStep<Event>): NextBatch<Event> => {
    if (this.#isOver) return undefined
    if (!done) return value
    this.#end()
    return undefined
  }

  readonly #onFailure = (thrown: unknown): undefined => {
    // of a flow that was closed nobody waits for the failure
    if (this.#isOver) return undefined
    this.#end()
    this.#failure = { thrown }
    throw thrown
  }

  #end(): void {
    this.#isOver = true
    this.#link?.release()
  }

  #free(): void {
    this.#link?.release()
    this.#batches?.return?.()?.catch(() => undefined)
  }
}
