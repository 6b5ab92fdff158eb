import type { PooledAccount } from './pooled-account.ts'

/** The accounts of a pool that rest, each until its own time. */
export class RestingAccounts {
  readonly #now: () => number
  readonly #accounts = new Map<string, PooledAccount>()
  #nextEnd = Number.POSITIVE_INFINITY
  /** The time of the last look at the clock. */
  #seenAt = Number.NEGATIVE_INFINITY

  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#accounts.size
  }

  values(): MapIterator<PooledAccount> {
    return this.#accounts.values()
  }

  get(label: string): PooledAccount | undefined {
    return this.#accounts.get(label)
  }

  add(pooled: PooledAccount): void {
    this.#accounts.set(pooled.account.label, pooled)
    this.#nextEnd = Math.min(this.#nextEnd, endOf(pooled))
  }

  delete(label: string): boolean {
    return this.#accounts.delete(label)
  }

  /** Removes and returns the accounts whose rest has ended. */
  takeRested(): readonly PooledAccount[] {
    const now = this.#now()
    this.#correct(this.#seenAt - now)
    this.#seenAt = now
    if (now < this.#nextEnd) return []
    const rested = [...this.#accounts.values()].filter((pooled) => endOf(pooled) <= now)
    for (const { account } of rested) this.#accounts.delete(account.label)
    this.#nextEnd = Math.min(...[...this.#accounts.values()].map(endOf))
    return rested
  }

  /**
   * Shortens the rests if the clock was set back, because the accounts would otherwise rest longer by the difference.
   */
  #correct(aheadMs: number): void {
    if (aheadMs <= 0) return
    for (const pooled of this.#accounts.values()) {
      if (!pooled.rest) continue
      const { state, notBefore } = pooled.rest
      pooled.rest = {
        ...pooled.rest,
        state: { ...state, until: state.until - aheadMs },
        notBefore: notBefore - aheadMs,
      }
      pooled.state = pooled.rest.state
    }
    this.#nextEnd -= aheadMs
  }
}

function endOf({ rest }: PooledAccount): number {
  return rest?.state.until ?? 0
}
