import { noteQueued } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import type { Capacity } from '../capacity.ts'

/** Lets a call run if the machine can do it. While all places are taken, it waits for a moment. */
export function admit(capacity: Capacity): ObserverLayer {
  return (next) => (request, call) => {
    // a caller with limits has waited for them, and another call may take the last place before the first read of this one
    if (!capacity.isFull && !call.caller.limits)
      return watch(next(request, call), new EnteringCall(capacity, call.signal))
    return defer(async ({ signal }) => {
      const since = signal.runtime.elapsed()
      try {
        await capacity.enter(signal)
      } finally {
        noteQueued(call.receipt, signal.runtime.elapsed() - since)
      }
      try {
        return watch(next(request, call), new EnteredCall(capacity))
      } catch (thrown) {
        capacity.leave()
        throw thrown
      }
    }, call.signal)
  }
}

/** A call that has its place already. */
class EnteredCall implements Watcher<unknown> {
  readonly #capacity: Capacity

  constructor(capacity: Capacity) {
    this.#capacity = capacity
  }

  onEnd(): void {
    this.#capacity.leave()
  }
}

/** A call that takes its place with its first read. */
class EnteringCall implements Watcher<unknown> {
  readonly #capacity: Capacity
  readonly #signal: Cancel
  #hasEntered = false

  constructor(capacity: Capacity, signal: Cancel) {
    this.#capacity = capacity
    this.#signal = signal
  }

  onStart(): void {
    this.#capacity.enterNow(this.#signal)
    this.#hasEntered = true
  }

  onEnd(): void {
    if (this.#hasEntered) this.#capacity.leave()
  }
}
