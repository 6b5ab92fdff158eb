import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'

/** Calls of one key that wait at most, and the milliseconds that each waits. */
const maxWaiting = 64
const maxWaitMs = 10_000
/** A refused client is told to come back after 1 to 5 seconds, so that not all come at once. */
const [minRetryMs, maxRetryMs] = [1_000, 5_000]

interface Waiter {
  begin(): void
}

/** Permits of one key. Calls over the limit wait for their turn in a short queue, and the first that came is the first that goes on. */
export class FairPermits {
  readonly #waiting = new Set<Waiter>()
  #max = 0
  #taken = 0

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
   * @throws ChatError `limit-reached` `concurrency_limit`, or the signal's reason. Then no permit was taken
   */
  take(max: number, signal: Cancel): undefined | Promise<void> {
    this.#max = max
    if (this.#taken < max && this.#waiting.size === 0) {
      this.#taken++
      return undefined
    }
    if (this.#waiting.size >= maxWaiting) throw refusal(max, signal)
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
        reject(refusal(max, signal))
      })
      const stopListening = signal.onAbort(() => {
        leave()
        reject(signal.reason)
      })
      this.#waiting.add(waiter)
    })
  }
}

function refusal(max: number, { runtime }: Cancel): ChatError {
  return new ChatError('limit-reached', {
    message: `This API key may run ${max === 1 ? 'one request' : `${max} requests`} at the same time, and others are waiting already. Try again in a moment.`,
    code: 'concurrency_limit',
    retryAfterMs: minRetryMs + runtime.random() * (maxRetryMs - minRetryMs),
  })
}
