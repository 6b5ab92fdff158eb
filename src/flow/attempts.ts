import type { RouteSettings } from './route-settings.ts'

/** Maximum number of requests that one call makes to upstreams one after the other, including the first. */
export const maxAttempts = 3
/** Maximum number of accounts that one call may find unusable without paying for it. */
const maxForgiven = 16

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
  #max: number
  readonly #whole: Attempts | undefined
  #spent: number
  #last: AskedTarget = {}
  #isForgivable = false
  #forgiven = 0

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
    this.#isForgivable = false
    this.#reach(this.#spent + 1)
  }

  /** Notes that the answer of this branch is read, so its last attempt is the last one. */
  follow({ last }: Attempts): void {
    this.#last = last
  }

  /** Notes that the last attempt only showed that its account cannot be used, while another one is ready. */
  noteUnusableAccount(): void {
    this.#isForgivable = true
  }

  /**
   * Allows one more attempt in place of the last one, if that only showed that its account cannot be used
   * (docs/decisions/0078-refused-accounts.md). @returns whether it did
   */
  forgive(): boolean {
    if (!this.#isForgivable || this.#forgiven === maxForgiven) return false
    this.#isForgivable = false
    this.#forgiven++
    this.#extend()
    return true
  }

  /**
   * Returns the budget of one of several parallel calls. Branches run at the same time, so the whole counts only the branch
   * with the most attempts.
   * @param limit the attempts that the branch may spend; by default all that are left here
   */
  branch(limit = this.left): Attempts {
    return new Attempts(this.#spent + Math.min(limit, this.left), this)
  }

  /** Lets a branch that has spent its own limit spend one more of what the whole has left. @returns whether an attempt is left */
  grow(): boolean {
    if (this.left > 0) return true
    if (!this.#whole?.grow()) return false
    this.#max = this.#spent + 1
    return true
  }

  #extend(): void {
    this.#max++
    if (this.#whole) this.#whole.#extend()
  }

  #reach(spent: number): void {
    if (spent <= this.#spent) return
    this.#spent = spent
    if (this.#whole) this.#whole.#reach(spent)
  }
}
