import type { Runtime } from './runtime.ts'

/**
 * Tells those who wait that they need not wait any longer. It is plain and synchronous: when it is aborted, all who follow have
 * been told before `abort` returns. It also says on which machine one waits (docs/decisions/0034-runtime-port.md).
 */
export interface Cancel {
  readonly runtime: Runtime
  readonly aborted: boolean
  /** What it was aborted with: a ChatError, as a rule. */
  readonly reason: unknown
  /** @throws the reason, once it is aborted */
  throwIfAborted(): void
  /** Calls the listener once, when it is aborted, or at once where it is already. @returns takes the listener back */
  onAbort(listener: () => void): () => void
  /** A cancel that is aborted with this one, for the same reason, until it is released. This one does not follow it. */
  child(): CancelSource
  /** The same for a library or the platform, made when it is first asked for. */
  readonly native: AbortSignal
}

type Follower = (() => void) | CancelSource

/** A cancel in the hands of the one who may abort it. */
export class CancelSource implements Cancel {
  readonly runtime: Runtime
  readonly #parent: CancelSource | undefined
  #aborted = false
  #reason: unknown
  /** Most have one follower, or none: only more than one cost a set. */
  #first: Follower | undefined
  #others: Set<Follower> | undefined
  #native: AbortController | undefined

  /** @param parent for `child` only */
  constructor(runtime: Runtime, parent?: CancelSource) {
    this.runtime = runtime
    this.#parent = parent
    if (!parent) return
    if (parent.#aborted) this.abort(parent.#reason)
    else parent.#add(this)
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

  /** How many follow it. */
  get followers(): number {
    return (this.#first ? 1 : 0) + (this.#others?.size ?? 0)
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  onAbort(listener: () => void): () => void {
    if (this.#aborted) {
      listener()
      return () => undefined
    }
    // the same function may be given twice, and be taken back once
    const follower = this.#has(listener) ? () => listener() : listener
    this.#add(follower)
    return () => this.#delete(follower)
  }

  child(): CancelSource {
    return new CancelSource(this.runtime, this)
  }

  /** Aborts it and all that follow. The first reason stays. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.release()
    this.#native?.abort(reason)
    this.#tellAll()
  }

  /** Its parent forgets it: call it in `finally`, or every call leaves one behind. */
  release(): void {
    if (this.#parent) this.#parent.#delete(this)
  }

  /** All are told, whatever one of them throws: that is thrown afterwards. */
  #tellAll(): void {
    let failure: { readonly thrown: unknown } | undefined
    for (let follower = this.#take(); follower; follower = this.#take()) {
      try {
        if (typeof follower === 'function') follower()
        else follower.abort(this.#reason)
      } catch (thrown) {
        failure ??= { thrown }
      }
    }
    if (failure) throw failure.thrown
  }

  /** The next follower, who is told once: one of them may take another back meanwhile. */
  #take(): Follower | undefined {
    const [other] = this.#first ? [] : (this.#others ?? [])
    const follower = this.#first ?? other
    if (follower) this.#delete(follower)
    return follower
  }

  #has(follower: Follower): boolean {
    return this.#first === follower || this.#others?.has(follower) === true
  }

  #add(follower: Follower): void {
    if (!this.#first && !this.#others?.size) this.#first = follower
    else {
      this.#others ??= new Set()
      this.#others.add(follower)
    }
  }

  #delete(follower: Follower): void {
    if (this.#first === follower) this.#first = undefined
    else this.#others?.delete(follower)
  }
}

/** A cancel that follows a signal of the platform, or of a library, until it is released. */
export class NativeCancel extends CancelSource {
  readonly #followed: AbortSignal
  readonly #follow: () => void

  /** @param reasonFor what it is aborted with; the signal's own reason, where it does not say */
  constructor(runtime: Runtime, followed: AbortSignal, reasonFor: () => unknown = () => followed.reason) {
    super(runtime)
    this.#followed = followed
    this.#follow = () => this.abort(reasonFor())
    if (followed.aborted) this.#follow()
    else followed.addEventListener('abort', this.#follow, { once: true })
  }

  override release(): void {
    this.#followed.removeEventListener('abort', this.#follow)
  }
}
