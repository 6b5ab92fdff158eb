import type { LiveAccount } from './live-account.ts'
import type { PooledAccount } from './pooled-account.ts'

export interface PickOptions {
  /** Accounts that have already failed this call. */
  readonly tried: ReadonlySet<unknown>
  /** The label of the preferred account, which is used if it is ready. */
  readonly preferred?: string | undefined
}

/** The usable accounts of a pool, in the order of their last use. */
export class ReadyAccounts {
  readonly #accounts = new Map<string, PooledAccount>()

  get size(): number {
    return this.#accounts.size
  }

  values(): MapIterator<PooledAccount> {
    return this.#accounts.values()
  }

  get(label: string): PooledAccount | undefined {
    return this.#accounts.get(label)
  }

  /** Adds an account at the end. An account that is already there keeps its position. */
  add(pooled: PooledAccount): void {
    this.#accounts.set(pooled.account.label, pooled)
  }

  delete(label: string): boolean {
    return this.#accounts.delete(label)
  }

  /** The preferred account, or else the least recently used one. */
  next({ tried, preferred }: PickOptions): LiveAccount | undefined {
    const wanted = preferred === undefined ? undefined : this.#accounts.get(preferred)
    if (wanted && !tried.has(wanted.account)) return this.#use(wanted)
    for (const pooled of this.#accounts.values()) if (!tried.has(pooled.account)) return this.#use(pooled)
    return undefined
  }

  /** An account that no call has used yet. */
  nextUnused({ tried }: PickOptions): LiveAccount | undefined {
    const unused = this.#accounts.values().find(({ account, isUsed }) => !isUsed && !tried.has(account))
    return unused && this.#use(unused)
  }

  #use(pooled: PooledAccount): LiveAccount {
    pooled.isUsed = true
    this.#accounts.delete(pooled.account.label)
    this.#accounts.set(pooled.account.label, pooled)
    return pooled.account
  }
}
