import type { PooledAccount } from './pooled-account.ts'
import type { Session } from './session.ts'

export interface LeaseOptions {
  /** Accounts that have already failed this call. */
  readonly tried: ReadonlySet<unknown>
  /** The label of the account that is wanted, if it may be asked. */
  readonly preferred?: string | undefined
}

/** The accounts of a pool that may be asked, in the order of their last use. */
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

  /** It comes last, unless it is there already: then it keeps its turn. */
  add(account: PooledAccount): void {
    this.#accounts.set(account.session.label, account)
  }

  delete(label: string): boolean {
    return this.#accounts.delete(label)
  }

  /** The preferred account, or else the one that was not used for the longest time. */
  next({ tried, preferred }: LeaseOptions): Session | undefined {
    const wanted = preferred === undefined ? undefined : this.#accounts.get(preferred)
    if (wanted && !tried.has(wanted.session)) return this.#use(wanted)
    for (const account of this.#accounts.values()) if (!tried.has(account.session)) return this.#use(account)
    return undefined
  }

  /** An account that no call has asked with yet. */
  nextUnused({ tried }: LeaseOptions): Session | undefined {
    const unused = this.#accounts.values().find(({ session, isUsed }) => !isUsed && !tried.has(session))
    return unused && this.#use(unused)
  }

  #use(account: PooledAccount): Session {
    account.isUsed = true
    this.#accounts.delete(account.session.label)
    this.#accounts.set(account.session.label, account)
    return account.session
  }
}
