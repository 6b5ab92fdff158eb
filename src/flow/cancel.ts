import type { ByteTap } from './attempt-hashes.ts'
import type { Runtime } from './runtime.ts'
import type { Span } from './span.ts'

/**
 * A signal that ends waits. It is synchronous: `abort` calls all listeners before it returns. It also gives waits access to
 * the clock and the timers of the machine (docs/decisions/0034-runtime-port.md), and to the span that they belong to.
 */
export interface Cancel {
  readonly runtime: Runtime
  /** The step of a trace that waits with this signal; undefined if there is no trace. */
  readonly span: Span | undefined
  /** Sees the bodies that are sent and read with this signal; undefined if nobody looks. */
  readonly tap: ByteTap | undefined
  readonly aborted: boolean
  /** The reason it was aborted with, usually a ChatError. */
  readonly reason: unknown
  /** @throws the reason, once it is aborted */
  throwIfAborted(): void
  /** Calls the listener once, when it is aborted, or at once if it already is. @returns a function that removes the listener */
  onAbort(listener: () => void): () => void
  /** Aborts the follower together with this one, until it is removed; at once if this one is aborted already. */
  add(follower: Follower): void
  remove(follower: Follower): void
  /** Returns a cancel that is aborted together with this one until it is released. Aborting the child does not abort this one. */
  child(): CancelSource
  /** The same signal for a library or the platform. It is created on first use. */
  readonly native: AbortSignal
}

/** What ends together with a cancel. */
export interface Follower {
  abort(reason: unknown): void
}

/** A cancel with the right to abort it. */
export class CancelSource implements Cancel {
  readonly runtime: Runtime
  readonly #parent: CancelSource | undefined
  #span: Span | undefined
  #tap: ByteTap | undefined
  #aborted = false
  #reason: unknown
  /** Most cancels have one follower or none, so a set is created only for the second one. */
  #first: Follower | undefined
  #others: Set<Follower> | undefined
  #native: AbortController | undefined

  /** @param parent for `child` only */
  constructor(runtime: Runtime, parent?: CancelSource) {
    this.runtime = runtime
    this.#parent = parent
    if (!parent) return
    if (parent.#aborted) this.abort(parent.#reason)
    else parent.#keep(this)
  }

  /** Its own span, or its parent's. */
  get span(): Span | undefined {
    return this.#span ?? this.#parent?.span
  }

  set span(span: Span | undefined) {
    this.#span = span
  }

  /** Its own tap, or its parent's. */
  get tap(): ByteTap | undefined {
    return this.#tap ?? this.#parent?.tap
  }

  set tap(tap: ByteTap | undefined) {
    this.#tap = tap
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  get native(): AbortSignal {
    this.#native ??= new AbortController()
    if (this.#aborted) this.#native.abort(this.#reason)
    return this.#native.signal
  }

  /** The number of its followers. */
  get followers(): number {
    return (this.#first ? 1 : 0) + (this.#others?.size ?? 0)
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  onAbort(listener: () => void): () => void {
    const follower = { abort: listener }
    this.add(follower)
    return () => this.remove(follower)
  }

  add(follower: Follower): void {
    if (this.#aborted) follower.abort(this.#reason)
    else this.#keep(follower)
  }

  remove(follower: Follower): void {
    if (this.#first === follower) this.#first = undefined
    else this.#others?.delete(follower)
  }

  child(): CancelSource {
    return new CancelSource(this.runtime, this)
  }

  /** Aborts it and its followers. A second abort does nothing. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.release()
    this.#native?.abort(reason)
    this.#abortFollowers()
  }

  /** Removes it from its parent. Call it in `finally`, or the parent keeps it for ever. */
  release(): void {
    if (this.#parent) this.#parent.remove(this)
  }

  /** Calls every follower, even if one of them throws. The first thrown error is thrown again at the end. */
  #abortFollowers(): void {
    let failure: { readonly thrown: unknown } | undefined
    for (let follower = this.#take(); follower; follower = this.#take()) {
      try {
        follower.abort(this.#reason)
      } catch (thrown) {
        failure ??= { thrown }
      }
    }
    if (failure) throw failure.thrown
  }

  /** Removes and returns the next follower. They are taken one by one, because a follower may remove another one. */
  #take(): Follower | undefined {
    const [other] = this.#first ? [] : (this.#others ?? [])
    const follower = this.#first ?? other
    if (follower) this.remove(follower)
    return follower
  }

  #keep(follower: Follower): void {
    if (!this.#first && !this.#others?.size) this.#first = follower
    else {
      this.#others ??= new Set()
      this.#others.add(follower)
    }
  }
}

/** A cancel that follows an AbortSignal of the platform or of a library until it is released. */
export class NativeCancel extends CancelSource {
  readonly #followed: AbortSignal
  readonly #follow: () => void

  /** @param reasonFor returns the reason of the abort; by default the signal's own reason */
  constructor(runtime: Runtime, followed: AbortSignal, reasonFor: () => unknown = () => followed.reason) {
    super(runtime)
    this.#followed = followed
    this.#follow = () => this.abort(reasonFor())
    if (followed.aborted) this.#follow()
    else followed.addEventListener('abort', this.#follow)
  }

  override release(): void {
    this.#followed.removeEventListener('abort', this.#follow)
  }
}
