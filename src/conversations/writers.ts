import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { orAbort, sleep } from '../flow/wait.ts'
import type { Lease, LeaseClaim, Store } from '../state/store.ts'

/** Requests that may wait for one session. */
const maxWaiting = 16
/** Milliseconds until another replica may take a session from one that has gone away. A turn that lasts longer goes on unless that happens. */
const leaseMs = 15 * 60_000
/** Milliseconds between two looks whether another replica is done. */
const pollMs = 250

export interface WaitOptions {
  /** Whether to wait for whoever writes the session now, and for those that wait already. */
  readonly wait: boolean
  readonly signal: Cancel
}

/** The right to write a session. */
export interface Writer {
  readonly lease: LeaseClaim
  /** Gives it to the next in line; once. */
  leave(): Promise<void>
}

/** Lets one write at a time, in the order in which they came: within this process by a queue, among replicas by a lease. */
export class Writers {
  readonly #store: Store
  readonly #maxWaitMs: number
  /** Who waits for each session that is written. */
  readonly #waiting = new Map<string, (() => void)[]>()
  /** Leases that the storage would not take back: our own next request tries again, or it would wait for them to end. */
  readonly #kept = new Map<string, Lease>()

  /** @param maxWaitMs milliseconds that a request waits, where it may */
  constructor(store: Store, maxWaitMs: number) {
    this.#store = store
    this.#maxWaitMs = maxWaitMs
  }

  /** @throws ChatError `conflict` where it is written and `wait` is false, or was in vain; the signal's reason */
  async enter(name: string, { wait, signal }: WaitOptions): Promise<Writer> {
    const link = signal.child()
    const timer = signal.runtime.timers.set(this.#maxWaitMs, () => link.abort(busy()))
    try {
      return await this.#enter(name, { wait, signal: link })
    } finally {
      timer.stop()
      link.release()
    }
  }

  async #enter(name: string, { wait, signal }: WaitOptions): Promise<Writer> {
    await this.#enterHere(name, { wait, signal })
    try {
      const held = await this.#lease(name, { wait, signal })
      let left: Promise<void> | undefined
      const leave = () => {
        left ??= this.#leave(name, held)
        return left
      }
      return { lease: { name, fence: held.fence }, leave }
    } catch (thrown) {
      this.#leaveHere(name)
      throw thrown
    }
  }

  async #enterHere(name: string, { wait, signal }: WaitOptions): Promise<void> {
    const waiting = this.#waiting.get(name)
    if (!waiting) {
      signal.throwIfAborted()
      this.#waiting.set(name, [])
      return
    }
    if (!wait || waiting.length >= maxWaiting) throw busy()
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    try {
      await orAbort(promise, signal)
    } catch (thrown) {
      const at = waiting.indexOf(resolve)
      // it was our turn in the very moment
      if (at === -1) this.#leaveHere(name)
      else waiting.splice(at, 1)
      throw thrown
    }
  }

  #leaveHere(name: string): void {
    const next = this.#waiting.get(name)?.shift()
    if (next) next()
    else this.#waiting.delete(name)
  }

  async #lease(name: string, { wait, signal }: WaitOptions): Promise<Lease> {
    await this.#kept.get(name)?.release()
    this.#kept.delete(name)
    for (;;) {
      const lease = await this.#store.lease(name, leaseMs)
      if (lease) return lease
      if (!wait) throw busy()
      await sleep(pollMs, signal)
    }
  }

  async #leave(name: string, lease: Lease): Promise<void> {
    try {
      await lease.release()
    } catch (thrown) {
      this.#kept.set(name, lease)
      throw thrown
    } finally {
      this.#leaveHere(name)
    }
  }
}

function busy(): ChatError {
  return new ChatError('conflict', {
    message: 'Another request of this session is being answered. Wait for it, or abort it.',
    code: 'session_busy',
  })
}
