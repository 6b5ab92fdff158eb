import type { Runtime } from '../../flow/runtime.ts'

/** Envoy's and Finagle's default share; see reliability, section 5. */
const share = 0.2
const floorPerSecond = 10
/** Credit does not outlive a burst: a quiet hour does not pay for a storm. */
const maxTokens = 20

/** Bounds what retries add to an upstream that is already in trouble: a fifth of its requests, and a few a second. */
export class RetryBudget {
  readonly #runtime: Pick<Runtime, 'elapsed'>
  #tokens = floorPerSecond
  #at: number

  constructor(runtime: Pick<Runtime, 'elapsed'>) {
    this.#runtime = runtime
    this.#at = runtime.elapsed()
  }

  readonly max = maxTokens

  /** Retries that it would pay for at the moment. */
  get left(): number {
    return Math.floor(this.#grown())
  }

  /** Every first attempt pays in. */
  deposit(): void {
    this.#tokens = Math.min(maxTokens, this.#tokens + share)
  }

  /** Whether a retry may be paid for; if so, it is. */
  withdraw(): boolean {
    this.#tokens = this.#grown()
    this.#at = this.#runtime.elapsed()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #grown(): number {
    return Math.min(maxTokens, this.#tokens + ((this.#runtime.elapsed() - this.#at) / 1000) * floorPerSecond)
  }
}
