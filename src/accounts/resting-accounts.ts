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

  add(account: PooledAccount): void {
    this.#accounts.set(account.session.label, account)
    this.#nextEnd = Math.min(this.#nextEnd, endOf(account))
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
    const rested = [...this.#accounts.values()].filter((account) => endOf(account) <= now)
    for (const { session } of rested) this.#accounts.delete(session.label)
    this.#nextEnd = Math.min(...[...this.#accounts.values()].map(endOf))
    return rested
  }

  /** The account whose rest ends first, of those that are meant. */
  soonest(isMeant: (account: PooledAccount) => boolean = () => true): PooledAccount | undefined {
    let soonest: PooledAccount | undefined
    for (const account of this.#accounts.values())
      if (isMeant(account) && (!soonest || endOf(account) < endOf(soonest))) soonest = account
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
    for (const account of this.#accounts.values())
      if ('until' in account.state) account.state = { ...account.state, until: account.state.until - aheadMs }
    this.#nextEnd -= aheadMs
  }
}

function endOf({ state }: PooledAccount): number {
  return 'until' in state ? state.until : 0
}
