import type { LiveAccount } from './live-account.ts'
import { type PooledAccount, restOf } from './pooled-account.ts'

export interface PickOptions {
  /** Accounts that have already failed this call. */
  readonly tried: ReadonlySet<unknown>
  /** The label of the preferred account, which is used if it is ready. */
  readonly preferred?: string | undefined
  /** The model that will be asked. An account may rest with some models only. */
  readonly model?: string | undefined
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
  next(options: PickOptions, now: number): LiveAccount | undefined {
    const { preferred } = options
    const wanted = preferred === undefined ? undefined : this.#accounts.get(preferred)
    if (wanted && isFree(wanted, options, now)) return this.#use(wanted)
    for (const pooled of this.#accounts.values()) if (isFree(pooled, options, now)) return this.#use(pooled)
    return undefined
  }

  /** Whether there is an account that this call has not tried. */
  has(options: PickOptions, now: number): boolean {
    return this.#accounts.values().some((pooled) => isFree(pooled, options, now))
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

function isFree(pooled: PooledAccount, { tried, model }: PickOptions, now: number): boolean {
  return !tried.has(pooled.account) && (pooled.models === undefined || !restOf(pooled, model, now))
}
