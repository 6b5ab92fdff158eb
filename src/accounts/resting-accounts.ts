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

  /** The account whose rest ends first, among those that match. */
  soonest(matches: (pooled: PooledAccount) => boolean = () => true): PooledAccount | undefined {
    let soonest: PooledAccount | undefined
    for (const pooled of this.#accounts.values())
      if (matches(pooled) && (!soonest || endOf(pooled) < endOf(soonest))) soonest = pooled
    return soonest
  }

  /** Milliseconds until the first rest ends; undefined if no account rests. */
  endsInMs(): number | undefined {
    const soonest = this.soonest()
    return soonest && Math.max(0, endOf(soonest) - this.#now())
  }

  /**
   * Shortens the rests if the clock was set back, because the accounts would otherwise rest longer by the difference.
   */
  #correct(aheadMs: number): void {
    if (aheadMs <= 0) return
    for (const pooled of this.#accounts.values())
      if ('until' in pooled.state) pooled.state = { ...pooled.state, until: pooled.state.until - aheadMs }
    this.#nextEnd -= aheadMs
  }
}

function endOf({ state }: PooledAccount): number {
  return 'until' in state ? state.until : 0
}
