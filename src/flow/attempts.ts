import type { RouteSettings } from './route-settings.ts'

/** Maximum number of requests that one call makes to upstreams one after the other, including the first. */
export const maxAttempts = 3

/** What an attempt asks, as far as it is known. */
export interface AskedTarget {
  readonly upstream?: string | undefined
  /** The label of the account; absent if it needs none. */
  readonly account?: string | undefined
  /** The settings of the route by which it was chosen. */
  readonly routed?: RouteSettings | undefined
}

/**
 * The budget of a call's attempts. The layer that asks an upstream spends from it, and the layers that retry look at what is
 * left. Nothing else limits retries.
 */
export class Attempts {
  readonly #max: number
  readonly #whole: Attempts | undefined
  #spent: number
  #last: AskedTarget = {}

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

  /** What the last attempt has asked. */
  get last(): AskedTarget {
    return this.#last
  }

  /** Spends one attempt. Call it before the upstream is asked. */
  spend(target: AskedTarget = {}): void {
    this.#last = target
    this.#reach(this.#spent + 1)
  }

  /** Notes that the answer of this branch is read, so its last attempt is the last one. */
  follow({ last }: Attempts): void {
    this.#last = last
  }

  /**
   * Returns the budget of one of several parallel calls. Branches run at the same time, so the whole counts only the branch
   * with the most attempts.
   * @param limit the attempts that the branch may spend; by default all that are left here
   */
  branch(limit = this.left): Attempts {
    return new Attempts(this.#spent + Math.min(limit, this.left), this)
  }

  #reach(spent: number): void {
    if (spent <= this.#spent) return
    this.#spent = spent
    if (this.#whole) this.#whole.#reach(spent)
  }
}
