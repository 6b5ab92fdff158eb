import type { PooledAccount } from './pooled-account.ts'

/** The accounts of a pool that are not asked for a while, each until a time of its own. */
export class RestingAccounts {
  readonly #now: () => number
  readonly #accounts = new Map<string, PooledAccount>()
  #nextEnd = Number.POSITIVE_INFINITY
  /** The clock, when it was looked at last. */
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

  /** Takes out those whose rest is over. */
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

  /** The account whose rest ends first, of those that are meant. */
  soonest(isMeant: (pooled: PooledAccount) => boolean = () => true): PooledAccount | undefined {
    let soonest: PooledAccount | undefined
    for (const pooled of this.#accounts.values())
      if (isMeant(pooled) && (!soonest || endOf(pooled) < endOf(soonest))) soonest = pooled
    return soonest
  }

  /** Milliseconds until the first rest ends; undefined where no account rests. */
  endsInMs(): number | undefined {
    const soonest = this.soonest()
    return soonest && Math.max(0, endOf(soonest) - this.#now())
  }

  /** Without it, accounts that a clock was ahead for would rest for as long as it had been ahead. */
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
