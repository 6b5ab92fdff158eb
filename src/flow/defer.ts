import { type AnyEvent, begin } from './begin.ts'
import type { Cancel, CancelSource } from './cancel.ts'
import { closedEarly, type Flow, type NextBatch } from './flow.ts'

/** What the function that finds a deferred flow gets. */
export interface FlowOpening {
  /** Ends the waits before a flow is found. It is aborted with the call, and when the deferred flow is closed. It does not abort the found flow. */
  readonly signal: Cancel
  /**
   * Waits for the commit point of a flow that is tried. If the deferred flow is closed, this flow is closed too.
   * @throws what the flow threw before the commit point
   */
  begin<Event extends AnyEvent>(flow: Flow<Event>): Promise<Flow<Event>>
}

/**
 * Returns a flow that is opened on its first read, after a wait or a choice. Later reads go to the flow that was found.
 * @param open may try several flows one after the other, and returns the one to read
 * @param parent aborts the waits before a flow is found
 */
export function defer<Event>(open: (opening: FlowOpening) => Promise<Flow<Event>>, parent: Cancel): Flow<Event> {
  return new DeferredFlow(open, parent)
}

class DeferredFlow<Event> implements Flow<Event> {
  #open: ((opening: FlowOpening) => Promise<Flow<Event>>) | undefined
  readonly #parent: Cancel
  #link: CancelSource | undefined
  /** The flow that is tried at the moment, before one is found. */
  #tried: { close(): void } | undefined
  #found: Flow<Event> | undefined
  #failure: { readonly thrown: unknown } | undefined
  #isClosed = false

  constructor(open: (opening: FlowOpening) => Promise<Flow<Event>>, parent: Cancel) {
    this.#open = open
    this.#parent = parent
  }

  get found(): Flow<Event> | undefined {
    return this.#isClosed ? undefined : this.#found
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#found) return this.#found.next()
    if (this.#isClosed) return undefined
    if (this.#failure) throw this.#failure.thrown
    return this.#start()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#link?.abort(closedEarly())
    this.#tried?.close()
    this.#found?.close()
  }

  async #start(): Promise<NextBatch<Event>> {
    const open = this.#open
    this.#open = undefined
    const link = this.#parent.child()
    this.#link = link
    try {
      const found = await open?.({ signal: link, begin: (flow) => this.#begin(flow, link) })
      if (this.#isClosed) found?.close()
      else this.#found = found
    } catch (thrown) {
      if (!this.#isClosed) {
        this.#failure = { thrown }
        throw thrown
      }
    } finally {
      link.release()
      this.#link = undefined
      this.#tried = undefined
    }
    return this.#found?.next()
  }

  async #begin<Tried extends AnyEvent>(flow: Flow<Tried>, signal: Cancel): Promise<Flow<Tried>> {
    this.#tried = flow
    if (this.#isClosed) flow.close()
    const begun = await begin(flow)
    if (this.#isClosed) throw signal.reason
    return begun
  }
}
