import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Batch, Flow, NextBatch } from '../../flow/flow.ts'
import { repeat } from '../../flow/repeat.ts'
import type { Timers } from '../../flow/timers.ts'

/** Something that an operator's page is told, as the JSON of its body. */
export interface LiveEvent {
  readonly type: 'overview' | 'request' | 'upstreams'
  readonly json: string
}

/** What a look at the program sees. */
export interface LiveLook {
  /** The JSON of the overview. */
  readonly overview: string
  /** Differs from the one before if the overview has changed in more than its time. */
  readonly overviewMark: string
  /** Differs from the one before if the upstreams have changed. */
  readonly upstreamsMark: string
}

/** Where the events come from. */
export interface LiveSource {
  look(): LiveLook
  /** Calls the listener with the JSON of each request that ends. @returns a function that ends this */
  followRequests(listener: (json: string) => void): () => void
}

/** Limit for the listeners of a process. An operator has a few tabs. */
const maxListeners = 20
/** Milliseconds between two looks. */
const lookMs = 1_000
/** Requests that wait for a slow listener. Older ones are dropped: its page can load them. */
const maxRequests = 200

/**
 * Tells all listeners what has changed. One look a second serves all of them, and nothing runs while there is none. What a slow
 * listener has not read yet is replaced by what is newer, so that it takes little memory.
 */
export class LiveFeed {
  readonly #source: LiveSource
  readonly #timers: Timers
  readonly #listeners = new Set<LiveListener>()
  #last: LiveLook | undefined
  #stopLooking: (() => void) | undefined
  #stopFollowing: (() => void) | undefined
  #isOver = false

  constructor(source: LiveSource, timers: Timers) {
    this.#source = source
    this.#timers = timers
  }

  /** How many listen at the moment. */
  get size(): number {
    return this.#listeners.size
  }

  /**
   * Gives the overview at once, and then what changes.
   * @param mayListen asked at each look: the flow ends when the listener has lost the right to it
   * @throws ChatError `unavailable` if too many listen already
   */
  follow(signal: Cancel, mayListen: () => boolean): Flow<LiveEvent> {
    if (this.#isOver || this.#listeners.size >= maxListeners) throw tooMany()
    const listener = new LiveListener(signal, { mayListen, onClose: () => this.#remove(listener) })
    this.#listeners.add(listener)
    listener.putLook({ overview: (this.#last ?? this.#begin()).overview, hasNewUpstreams: false })
    return listener
  }

  /** Ends all streams, because the program stops. */
  end(): void {
    this.#isOver = true
    for (const listener of this.#listeners) listener.close()
  }

  /** Accepts streams again. */
  reopen(): void {
    this.#isOver = false
  }

  #begin(): LiveLook {
    const first = this.#source.look()
    this.#last = first
    this.#stopLooking = repeat(this.#timers, lookMs, () => this.#look())
    this.#stopFollowing = this.#source.followRequests((json) => {
      for (const listener of this.#listeners) listener.putRequest(json)
    })
    return first
  }

  #remove(listener: LiveListener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0) return
    this.#stopLooking?.()
    this.#stopFollowing?.()
    this.#last = undefined
  }

  #look(): void {
    for (const listener of this.#listeners) if (!listener.mayListen()) listener.close()
    if (this.#listeners.size === 0) return
    const before = this.#last
    const now = this.#source.look()
    this.#last = now
    const overview = now.overviewMark === before?.overviewMark ? undefined : now.overview
    const hasNewUpstreams = now.upstreamsMark !== before?.upstreamsMark
    if (overview === undefined && !hasNewUpstreams) return
    for (const listener of this.#listeners) listener.putLook({ overview, hasNewUpstreams })
  }
}

/** What has changed between two looks. */
interface ChangedLook {
  /** Undefined if it has not changed. */
  readonly overview: string | undefined
  readonly hasNewUpstreams: boolean
}

/** What one listener has not read yet. */
class LiveListener implements Flow<LiveEvent> {
  readonly mayListen: () => boolean
  readonly #onClose: () => void
  readonly #release: () => void
  #overview: string | undefined
  #hasNewUpstreams = false
  #requests: string[] = []
  #isOver = false
  #failure: { readonly reason: unknown } | undefined
  #waiting: PromiseWithResolvers<NextBatch<LiveEvent>> | undefined

  constructor(
    signal: Cancel,
    { mayListen, onClose }: { readonly mayListen: () => boolean; readonly onClose: () => void },
  ) {
    this.mayListen = mayListen
    this.#onClose = onClose
    this.#release = signal.onAbort(() => this.#fail(signal.reason))
  }

  next(): NextBatch<LiveEvent> | Promise<NextBatch<LiveEvent>> {
    if (this.#failure) throw this.#failure.reason
    const batch = this.#take()
    if (batch || this.#isOver) return batch
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  /** What it has not read yet is lost, unless it is read now. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#release()
    this.#onClose()
    this.#wake()
  }

  /** Puts what one look has found, so that it is read together. */
  putLook({ overview, hasNewUpstreams }: ChangedLook): void {
    this.#overview = overview ?? this.#overview
    this.#hasNewUpstreams ||= hasNewUpstreams
    this.#wake()
  }

  putRequest(json: string): void {
    this.#requests.push(json)
    if (this.#requests.length > maxRequests) this.#requests.shift()
    this.#wake()
  }

  #fail(reason: unknown): void {
    this.#failure = { reason }
    this.#waiting?.reject(reason)
    this.#waiting = undefined
    this.#onClose()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(this.#take())
  }

  /** Takes all that waits. Requests come first, because the overview counts them. */
  #take(): Batch<LiveEvent> | undefined {
    const events: LiveEvent[] = this.#requests.map((json) => ({ type: 'request', json }))
    if (this.#hasNewUpstreams) events.push({ type: 'upstreams', json: '{}' })
    if (this.#overview !== undefined) events.push({ type: 'overview', json: this.#overview })
    this.#requests = []
    this.#hasNewUpstreams = false
    this.#overview = undefined
    return events.length > 0 ? events : undefined
  }
}

function tooMany(): ChatError {
  return new ChatError('unavailable', {
    message: `At most ${maxListeners} can listen to the events at the same time. Close other tabs of the console, or try again later.`,
    code: 'too_many_listeners',
    retryAfterMs: 10_000,
  })
}
