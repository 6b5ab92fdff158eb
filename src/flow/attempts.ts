/** Requests to upstreams that one call may make one after the other, the first included. */
export const maxAttempts = 3

/**
 * The budget of a call's attempts. The layer that asks an upstream spends from it, and the layers that try again look at
 * what is left. Nothing else decides whether a call may be tried again.
 */
export class Attempts {
  readonly #max: number
  readonly #whole: Attempts | undefined
  #spent: number
  #lastAccount: string | undefined

  /** @param whole the budget that this one is a branch of */
  constructor(max = maxAttempts, whole?: Attempts) {
    this.#max = max
    this.#whole = whole
    this.#spent = whole?.spent ?? 0
  }

  get spent(): number {
    return this.#spent
  }

  get left(): number {
    return Math.max(0, this.#max - this.#spent)
  }

  /** The label of the account that the last attempt was made with; undefined where no account was needed. */
  get lastAccount(): string | undefined {
    return this.#lastAccount
  }

  /** Takes one attempt. Call it before the upstream is asked. */
  spend(account?: string): void {
    this.#lastAccount = account
    this.#reach(this.#spent + 1)
  }

  /**
   * The budget of one of several calls side by side. Each branch may spend what is left here. The whole has spent what
   * the branch with the most attempts has spent, since branches do not wait for each other.
   */
  branch(): Attempts {
    return new Attempts(this.#max, this)
  }

  #reach(spent: number): void {
    if (spent <= this.#spent) return
    this.#spent = spent
    if (this.#whole) this.#whole.#reach(spent)
  }
}
