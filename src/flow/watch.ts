import { asChatError, type ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'

/** How a flow ended: it was read to its end, it failed, or its reader closed it. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ChatError }
  | { readonly kind: 'left' }

/** Observes how a flow is read. Only `onStart` may throw. */
export interface Watcher<Event = ChatEvent> {
  /** Called before the first read. A thrown error ends the flow. */
  onStart?(): void
  /** Called when the reader begins to wait for a batch, or for the end. */
  onWait?(): void
  /** Called for each batch. */
  onBatch?(batch: Batch<Event>): void
  /** Returns an event to add before the end. Outer watchers see it too. It is not called if the reader closed the flow. */
  addAtEnd?(ending: Ending): Event | undefined
  /**
   * Returns a flow that takes the place of the one that has failed. The inner watchers have been told of the failure, and the outer
   * ones go on with the new flow. It is not called after the reader has closed the flow.
   */
  goOn?(error: ChatError): Flow<Event> | undefined
  /** Called once, for every kind of ending. */
  onEnd?(ending: Ending): void
}

/**
 * Adds a watcher to a flow. All watchers of a flow share one object, and inner ones are called first. So several observer
 * layers cost one object, and no promise if the batch is ready. That is also true for a flow that was found by a layer between
 * them.
 */
export function watch<Event>(flow: Flow<Event>, watcher: Watcher<Event>): Flow<Event> {
  if (!(flow instanceof WatchedFlow)) return new WatchedFlow(flow, watcher)
  flow.add(watcher)
  return flow
}

class WatchedFlow<Event> implements Flow<Event> {
  #inner: Flow<Event>
  #watchers: Watcher<Event>[]
  #isStarted = false
  #ending: Ending | undefined
  /** Number of watchers that have been told of the ending. */
  #toldCount = 0
  #isClosed = false

  constructor(inner: Flow<Event>, watcher: Watcher<Event>) {
    this.#inner = inner
    this.#watchers = [watcher]
  }

  add(watcher: Watcher<Event>): void {
    this.#watchers.push(watcher)
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#ending) return this.#end(this.#ending)
    let batch: NextBatch<Event> | Promise<NextBatch<Event>>
    try {
      if (!this.#isStarted) this.#start()
      batch = this.#inner.next()
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
    if (!(batch instanceof Promise)) return this.#onBatch(batch)
    for (const watcher of this.#watchers) watcher.onWait?.()
    return batch.then(this.#onBatch, this.#onFailure)
  }

  close(): void {
    this.#inner.close()
    this.#isClosed = true
    this.#ending ??= { kind: 'left' }
    while (this.#tell(this.#ending) !== undefined) {
      // an event that a watcher adds now has no reader
    }
    this.#ending = { kind: 'left' }
  }

  #start(): void {
    this.#isStarted = true
    for (const watcher of this.#watchers) watcher.onStart?.()
  }

  readonly #onBatch = (batch: NextBatch<Event>): NextBatch<Event> | Promise<NextBatch<Event>> => {
    // the flow was closed while the batch was pending
    if (this.#ending) return undefined
    if (!batch) return this.#end({ kind: 'done' })
    for (const watcher of this.#watchers) watcher.onBatch?.(batch)
    const { found } = this.#inner
    if (found) this.#follow(found)
    return batch
  }

  /** Reads the found flow directly from now on, and takes its watchers over. */
  #follow(found: Flow<Event>): void {
    if (found instanceof WatchedFlow && !found.#ending) {
      this.#watchers = [...found.#watchers, ...this.#watchers]
      this.#inner = found.#inner
    } else this.#inner = found
  }

  readonly #onFailure = (thrown: unknown): NextBatch<Event> | Promise<NextBatch<Event>> => {
    if (this.#ending) return undefined
    // if a watcher has thrown, the inner flow is still open
    this.#inner.close()
    return this.#end({ kind: 'failed', error: asChatError(thrown) })
  }

  /** @throws the failure, after the last event that a watcher adds */
  #end(ending: Ending): NextBatch<Event> | Promise<NextBatch<Event>> {
    this.#ending = ending
    const last = this.#tell(ending)
    if (last !== undefined) return [last]
    if (!this.#ending) return this.next()
    if (ending.kind === 'failed') throw ending.error
    return undefined
  }

  /** Tells the watchers of the ending, inner ones first. It stops at the first one that adds an event or goes on. */
  #tell(ending: Ending): Event | undefined {
    for (let watcher = this.#watchers[this.#toldCount]; watcher; watcher = this.#watchers[this.#toldCount]) {
      this.#toldCount++
      const last = ending.kind === 'left' ? undefined : watcher.addAtEnd?.(ending)
      watcher.onEnd?.(ending)
      if (last === undefined) {
        if (ending.kind !== 'failed' || this.#isClosed || !this.#goOn(watcher, ending.error)) continue
        return undefined
      }
      for (const outer of this.#watchers.slice(this.#toldCount)) outer.onBatch?.([last])
      return last
    }
    return undefined
  }

  /** Reads the flow that a watcher has in place of the failed one, if it has one. The watchers that were told have no more part in it. */
  #goOn(watcher: Watcher<Event>, error: ChatError): boolean {
    const flow = watcher.goOn?.(error)
    if (!flow) return false
    this.#inner = flow
    this.#watchers = this.#watchers.slice(this.#toldCount)
    this.#toldCount = 0
    this.#ending = undefined
    return true
  }
}
