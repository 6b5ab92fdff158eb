import { ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Cancel, CancelSource } from './cancel.ts'

/** The events of one read of the network. It is never empty. */
export type Batch<Event = ChatEvent> = readonly Event[]

/** The result of a flow's `next`; undefined at the end. */
export type NextBatch<Event> = Batch<Event> | undefined

/**
 * An answer that is read batch by batch. Its reader must read it to its end or close it (docs/decisions/0033-batches.md).
 */
export interface Flow<Event = ChatEvent> {
  /**
   * Returns the next batch, without a promise if it is ready; undefined at the end. Only one call may be pending.
   * @throws ChatError, or rejects with one. Every later call throws it again, so that a failure never looks like an end
   */
  next(): NextBatch<Event> | Promise<NextBatch<Event>>
  /**
   * Stops early: aborts what the flow opened, then frees it. It may be called at any time and more than once. A pending `next`
   * then resolves to undefined. It never throws, and the caller need not wait for anything.
   */
  close(): void
  /** The flow that every later read goes to, once this flow has no more part in it. A reader may read that flow in its place. */
  readonly found?: Flow<Event> | undefined
}

/** The batches of a generator, the only batch of an answer that is whole, or a flow. */
export type OpenedBatches<Event> = AsyncIterable<Batch<Event>> | Batch<Event> | Flow<Event>

/**
 * Opens the batches. The signal is aborted when the flow is closed, and together with the flow's parent. If it returns a flow,
 * that flow must release the signal when it is over.
 */
export type OpenBatches<Event> = (signal: CancelSource) => OpenedBatches<Event> | Promise<OpenedBatches<Event>>

/**
 * Makes a flow of a generator's batches, or of one batch. It is opened on the first read.
 * @param parent aborts the flow. Every wait of the generator must take the signal it is given
 */
export function flowOf<Event>(open: OpenBatches<Event>, parent: Cancel): Flow<Event> {
  return new GeneratorFlow(open, parent)
}

/** Gives the batches of a flow. Leaving the loop closes the flow. */
export async function* batches<Event>(flow: Flow<Event>): AsyncGenerator<Batch<Event>> {
  try {
    for (let batch = await flow.next(); batch; batch = await flow.next()) yield batch
  } finally {
    flow.close()
  }
}

/** Gives the events of a flow one by one. Leaving the loop closes the flow. */
export async function* events<Event>(flow: Flow<Event>): AsyncGenerator<Event> {
  for await (const batch of batches(flow)) yield* batch
}

/** Returns a flow that fails at each read. */
export function failedFlow<Event>(thrown: unknown): Flow<Event> {
  return new FailedFlow(thrown)
}

/** The reason with which a closed flow aborts what it opened. */
export function closedEarly(): ChatError {
  return new ChatError('cancelled', { message: 'The reader closed the answer before its end.' })
}

type IteratorStep<Event> = IteratorResult<Batch<Event>>

class GeneratorFlow<Event> implements Flow<Event> {
  #open: OpenBatches<Event> | undefined
  readonly #parent: Cancel
  #link: CancelSource | undefined
  #batches: AsyncIterator<Batch<Event>> | undefined
  #found: Flow<Event> | undefined
  #isOver = false
  #failure: { readonly thrown: unknown } | undefined

  constructor(open: OpenBatches<Event>, parent: Cancel) {
    this.#open = open
    this.#parent = parent
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#found) return this.#found.next()
    if (this.#failure) throw this.#failure.thrown
    if (this.#isOver) return undefined
    return this.#batches ? this.#batches.next().then(this.#onStep, this.#onFailure) : this.#start()
  }

  close(): void {
    this.#failure = undefined
    if (this.#isOver) return
    this.#isOver = true
    this.#link?.abort(closedEarly())
    this.#free()
  }

  #start(): NextBatch<Event> | Promise<NextBatch<Event>> {
    const open = this.#open
    // what it refers to may be large, such as a request
    this.#open = undefined
    if (!open) return undefined
    try {
      this.#parent.throwIfAborted()
      this.#link = this.#parent.child()
      const opened = open(this.#link)
      return opened instanceof Promise ? opened.then(this.#onOpened, this.#onFailure) : this.#onOpened(opened)
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
  }

  readonly #onOpened = (opened: OpenedBatches<Event>): NextBatch<Event> | Promise<NextBatch<Event>> => {
    if (Symbol.asyncIterator in opened) this.#batches = opened[Symbol.asyncIterator]()
    else if ('next' in opened) this.#found = opened
    else if (!this.#isOver) {
      this.#end()
      return opened
    }
    // if the flow was closed while it was being opened
    return this.#isOver ? this.#free() : this.next()
  }

  readonly #onStep = ({ done, value }: IteratorStep<Event>): NextBatch<Event> => {
    if (this.#isOver) return undefined
    if (!done) return value
    this.#end()
    return undefined
  }

  readonly #onFailure = (thrown: unknown): undefined => {
    // a closed flow has no reader for the failure
    if (this.#isOver) return undefined
    this.#end()
    this.#failure = { thrown }
    throw thrown
  }

  #end(): void {
    this.#isOver = true
    this.#link?.release()
  }

  #free(): undefined {
    this.#link?.release()
    this.#batches?.return?.()?.catch(() => undefined)
    this.#found?.close()
  }
}

class FailedFlow<Event> implements Flow<Event> {
  readonly #thrown: unknown
  #isClosed = false

  constructor(thrown: unknown) {
    this.#thrown = thrown
  }

  next(): NextBatch<Event> {
    if (this.#isClosed) return undefined
    throw this.#thrown
  }

  close(): void {
    this.#isClosed = true
  }
}
