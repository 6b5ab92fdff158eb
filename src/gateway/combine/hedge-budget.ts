/** At most this share of the calls that may be hedged is hedged. */
const share = 0.05
/** Credit is limited, so that a quiet hour does not pay for a burst. */
const maxTokens = 5

/** Limits hedging to a twentieth of the calls, because an upstream that is slow for all of them has no need of more. */
export class HedgeBudget {
  #tokens = 1

  /** Adds credit; called for every call that may be hedged. */
  deposit(): void {
    this.#tokens = Math.min(maxTokens, this.#tokens + share)
  }

  /** Pays for a second request. @returns false if there is not enough credit */
  take(): boolean {
    // a sum of twentieths is not exact
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens--
    return true
  }
}
