import type { Call } from '../../flow/call.ts'
import type { Ending } from '../../flow/watch.ts'

/** Tells whether an upstream had a request when its client left. Most upstreams charge for what they have read by then. */
export class Leaving {
  readonly #call: Call
  readonly #attemptsBefore: number

  /** It is made before the request is sent. */
  constructor(call: Call) {
    this.#call = call
    this.#attemptsBefore = call.receipt.attempts
  }

  wasPaid(ending: Ending): boolean {
    const isLeft = ending.kind === 'left' || (ending.kind === 'failed' && ending.error.reason === 'cancelled')
    return isLeft && this.#call.receipt.attempts > this.#attemptsBefore
  }
}
