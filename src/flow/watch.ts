import { asChatError, type ChatError } from '../chat/error.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'

/** How a flow ended: it was over, it failed, or its reader left. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ChatError }
  | { readonly kind: 'left' }

/** Looks on as a flow is read. Only `asked` may throw. */
export interface Watcher<Event = ChatEvent> {
  /** The reader asks for a batch. What it throws ends the flow. */
  asked?(): void
  /** A batch passes. */
  passed?(batch: Batch<Event>): void
  /** An event to be added before the flow ends so. Watchers further out see it pass. Not called where the reader left. */
  last?(ending: Ending): Event | undefined
  /** Called once, however the flow ended. */
  ended?(ending: Ending): void
}

/**
 * The same flow, watched. To watch a flow that is watched already adds to its watchers, inner ones first: so layers that only
 * look on cost one object together, and no promise where the batch is there already.
 */
export function watch<Event>(flow: Flow<Event>, watcher: Watcher<Event>): Flow<Event> {
  if (!(flow instanceof WatchedFlow)) return new WatchedFlow(flow, watcher)
  flow.add(watcher)
  return flow
}

class WatchedFlow<Event> implements Flow<Event> {
  readonly #inner: Flow<Event>
  readonly #watchers: Watcher<Event>[]
  #ending: Ending | undefined
  /** How many watchers know of the ending. */
  #told = 0

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
      for (const watcher of this.#watchers) watcher.asked?.()
      batch = this.#inner.next()
    } catch (thrown) {
      return this.#onFailure(thrown)
    }
    return batch instanceof Promise ? batch.then(this.#onBatch, this.#onFailure) : this.#onBatch(batch)
  }

  close(): void {
    this.#inner.close()
    this.#ending ??= { kind: 'left' }
    while (this.#tell(this.#ending) !== undefined) {
      // an event that is added now has no reader
    }
    this.#ending = { kind: 'left' }
  }

  readonly #onBatch = (batch: NextBatch<Event>): NextBatch<Event> => {
    // closed while it was pending
    if (this.#ending) return undefined
    if (!batch) return this.#end({ kind: 'done' })
    for (const watcher of this.#watchers) watcher.passed?.(batch)
    return batch
  }

  readonly #onFailure = (thrown: unknown): NextBatch<Event> => {
    if (this.#ending) return undefined
    // where a watcher has thrown, nothing else has ended the inner flow
    this.#inner.close()
    return this.#end({ kind: 'failed', error: asChatError(thrown) })
  }

  /** @throws the failure, after the last event that a watcher adds */
  #end(ending: Ending): NextBatch<Event> {
    this.#ending = ending
    const last = this.#tell(ending)
    if (last !== undefined) return [last]
    if (ending.kind === 'failed') throw ending.error
    return undefined
  }

  /** Tells the watchers how the flow ended, inner ones first, up to one that adds an event. */
  #tell(ending: Ending): Event | undefined {
    for (let watcher = this.#watchers[this.#told]; watcher; watcher = this.#watchers[this.#told]) {
      this.#told++
      const last = ending.kind === 'left' ? undefined : watcher.last?.(ending)
      watcher.ended?.(ending)
      if (last === undefined) continue
      for (const outer of this.#watchers.slice(this.#told)) outer.passed?.([last])
      return last
    }
    return undefined
  }
}
