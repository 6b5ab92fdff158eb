import type { ChatError } from '../chat/error.ts'
import type { Cancel } from './cancel.ts'
import type { Runtime } from './runtime.ts'

export interface FairPermitsOptions {
  /** Limit for the calls that wait. */
  maxWaiting(): number
  /** Makes the error for a call that may not wait, or waited too long. */
  refuse(max: number, retryAfterMs: number): ChatError
}

/** Milliseconds that a call waits at most. */
export const maxWaitMs = 10_000
/** A refused client is told to come back after 1 to 5 seconds, so that not all come at once. */
const [minRetryMs, maxRetryMs] = [1_000, 5_000]

/** Milliseconds after which a refused client should come back. */
export function refusedForMs(runtime: Pick<Runtime, 'random'>): number {
  return minRetryMs + runtime.random() * (maxRetryMs - minRetryMs)
}

interface Waiter {
  begin(): void
}

/** Permits for calls. Those over the limit wait for their turn in a short queue, and the first that came is the first that goes on. */
export class FairPermits {
  readonly #options: FairPermitsOptions
  readonly #waiting = new Set<Waiter>()
  #max = 0
  #taken = 0

  constructor(options: FairPermitsOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Takes a permit, which `release` gives back.
   * @param max the limit, which may have changed since the last call
   * @returns a promise if it has to wait
   * @throws what `refuse` makes, or the signal's reason. Then no permit was taken
   */
  take(max: number, signal: Cancel): undefined | Promise<void> {
    this.#max = max
    if (this.#taken < max && this.#waiting.size === 0) {
      this.#taken++
      return undefined
    }
    if (this.#waiting.size >= this.#options.maxWaiting()) throw this.#refusal(max, signal)
    return this.#wait(max, signal)
  }

  release(): void {
    this.#taken--
    for (const waiter of this.#waiting) {
      if (this.#taken >= this.#max) return
      this.#taken++
      waiter.begin()
    }
  }

  #wait(max: number, signal: Cancel): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const leave = () => {
        this.#waiting.delete(waiter)
        timer.stop()
        stopListening()
      }
      const waiter: Waiter = {
        begin() {
          leave()
          resolve()
        },
      }
      const timer = signal.runtime.timers.set(maxWaitMs, () => {
        leave()
        reject(this.#refusal(max, signal))
      })
      const stopListening = signal.onAbort(() => {
        leave()
        reject(signal.reason)
      })
      this.#waiting.add(waiter)
    })
  }

  #refusal(max: number, { runtime }: Cancel): ChatError {
    return this.#options.refuse(max, refusedForMs(runtime))
  }
}
