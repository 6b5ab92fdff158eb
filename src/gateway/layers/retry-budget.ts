import type { Runtime } from '../../flow/runtime.ts'

/** Envoy's and Finagle's default share; see reliability, section 5. */
const share = 0.2
const floorPerSecond = 10
/** Credit is limited, so that a quiet hour does not pay for a burst. */
const maxTokens = 20

/** Limits the retries for an upstream that is already in trouble: a fifth of its requests, and a few a second. */
export class RetryBudget {
  readonly #runtime: Pick<Runtime, 'elapsed'>
  #tokens = floorPerSecond
  #at: number

  constructor(runtime: Pick<Runtime, 'elapsed'>) {
    this.#runtime = runtime
    this.#at = runtime.elapsed()
  }

  readonly max = maxTokens

  /** The retries that it allows at the moment. */
  get left(): number {
    return Math.floor(this.#currentTokens())
  }

  /** Adds credit; called for every first attempt. */
  deposit(): void {
    this.#tokens = Math.min(maxTokens, this.#tokens + share)
  }

  /** Pays for a retry. @returns false if there is not enough credit */
  withdraw(): boolean {
    this.#tokens = this.#currentTokens()
    this.#at = this.#runtime.elapsed()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #currentTokens(): number {
    return Math.min(maxTokens, this.#tokens + ((this.#runtime.elapsed() - this.#at) / 1000) * floorPerSecond)
  }
}
