import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Timer, Timers } from '../flow/timers.ts'
import { orAbort, sleep } from '../flow/wait.ts'
import type { Lease, LeaseClaim, Store } from '../state/store.ts'

/** Limit for the requests that wait for one session. */
const maxWaiting = 16
/** Milliseconds after which another replica may take a session over from a process that has ended. */
const leaseMs = 15_000
/** Milliseconds after which a process that goes on with its turn extends its lease. */
const extendMs = 5_000
/** Milliseconds between two tries to get the lease of another replica. */
const pollMs = 250

export interface WaitOptions {
  /** Whether to wait for the request that writes the session now, and for those that wait already. */
  readonly wait: boolean
  readonly signal: Cancel
}

/** The right to write a session. */
export interface Writer {
  readonly lease: LeaseClaim
  /** Passes the right on to the next request in the queue. Only the first call has an effect. */
  leave(): Promise<void>
}

/**
 * Lets one request write a session at a time, in the order in which they came: with a queue in this process, and with a
 * lease among replicas.
 */
export class Writers {
  readonly #store: Store
  readonly #maxWaitMs: number
  /** The queue of each session that is being written. */
  readonly #waiting = new Map<string, (() => void)[]>()
  /**
   * Leases that the store failed to release. Our next request releases them again, because it would otherwise wait
   * until they end.
   */
  readonly #unreleased = new Map<string, Lease>()

  /** @param maxWaitMs milliseconds that a request waits, if it may wait */
  constructor(store: Store, maxWaitMs: number) {
    this.#store = store
    this.#maxWaitMs = maxWaitMs
  }

  /** @throws ChatError `conflict` if another request writes the session and this one may not wait, or waited too long; the signal's reason */
  async enter(name: string, { wait, signal }: WaitOptions): Promise<Writer> {
    const link = signal.child()
    const timer = signal.runtime.timers.set(this.#maxWaitMs, () => link.abort(sessionBusy()))
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
      const heldLease = await this.#lease(name, { wait, signal })
      const extending = keepExtended(heldLease, signal.runtime.timers)
      let leaving: Promise<void> | undefined
      const leave = () => {
        extending.stop()
        leaving ??= this.#leave(name, heldLease)
        return leaving
      }
      return { lease: { name, fence: heldLease.fence }, leave }
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
    if (!wait || waiting.length >= maxWaiting) throw sessionBusy()
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    try {
      await orAbort(promise, signal)
    } catch (thrown) {
      const at = waiting.indexOf(resolve)
      // this request got the right at the moment of its abort, so the right goes to the next request
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
    await this.#unreleased.get(name)?.release()
    this.#unreleased.delete(name)
    for (;;) {
      const lease = await this.#store.lease(name, leaseMs)
      if (lease) return lease
      if (!wait) throw sessionBusy()
      await sleep(pollMs, signal)
    }
  }

  async #leave(name: string, lease: Lease): Promise<void> {
    try {
      await lease.release()
    } catch (thrown) {
      this.#unreleased.set(name, lease)
      throw thrown
    } finally {
      this.#leaveHere(name)
    }
  }
}

/** A lease that is lost, or that the store cannot extend, changes nothing here: a write under it is refused if another has it. */
function keepExtended(lease: Lease, timers: Timers): Timer {
  const timer = timers.set(extendMs, () => {
    timer.feed(extendMs)
    lease.extend(leaseMs).catch(() => undefined)
  })
  return timer
}

function sessionBusy(): ChatError {
  return new ChatError('conflict', {
    message: 'Another request of this session is being answered. Wait until it ends, or abort it.',
    code: 'session_busy',
  })
}
