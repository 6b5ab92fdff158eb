import type { LiveAccount } from './live-account.ts'
import { newPooled, ok, type PooledAccount, restOf } from './pooled-account.ts'
import { ReadyAccounts } from './ready-accounts.ts'
import type { Rest } from './rest.ts'
import { RestingAccounts } from './resting-accounts.ts'

/** A usable account, and its rest with all models or with the one that was asked for. */
interface UsableAccount {
  readonly pooled: PooledAccount
  readonly rest: Rest | undefined
}

/** The accounts of a pool: those that are ready, those that rest, and those that the service has refused for good. */
export class PoolMembers {
  readonly ready = new ReadyAccounts()
  readonly resting: RestingAccounts
  /** They need a login or are banned. */
  readonly #dead = new Map<string, PooledAccount>()
  /** The account that has answered last, and its model. */
  proven: { readonly label: string; readonly model: string | undefined } | undefined

  constructor(now: () => number) {
    this.resting = new RestingAccounts(now)
  }

  get size(): number {
    return this.usableCount + this.deadCount
  }

  get usableCount(): number {
    return this.ready.size + this.resting.size
  }

  get deadCount(): number {
    return this.#dead.size
  }

  all(): readonly PooledAccount[] {
    return [...this.#usable(), ...this.#dead.values()]
  }

  /** @param model the model that is asked for; without it, a rest with single models does not count */
  usable(model: string | undefined, now: number): readonly UsableAccount[] {
    return this.#usable().map((pooled) => ({ pooled, rest: restOf(pooled, model, now) }))
  }

  /** Undefined for an account that is dead or was removed. Another account may have its label by now. */
  find(account: LiveAccount): PooledAccount | undefined {
    const pooled = this.usableOf(account.label)
    return pooled?.account === account ? pooled : undefined
  }

  /** The account of this label, if it may be used. */
  usableOf(label: string): PooledAccount | undefined {
    return this.ready.get(label) ?? this.resting.get(label)
  }

  /** The account of this label, usable or not. */
  labelled(label: string): PooledAccount | undefined {
    return this.usableOf(label) ?? this.#dead.get(label)
  }

  isDead(label: string): boolean {
    return this.#dead.has(label)
  }

  admit(account: LiveAccount): void {
    this.ready.add(newPooled(account))
  }

  drop(label: string): PooledAccount | undefined {
    const pooled = this.labelled(label)
    this.ready.delete(label)
    this.resting.delete(label)
    this.#dead.delete(label)
    return pooled
  }

  makeReady(pooled: PooledAccount): void {
    const { label } = pooled.account
    pooled.state = ok
    pooled.rest = undefined
    this.resting.delete(label)
    this.ready.add(pooled)
  }

  /** Makes the accounts ready whose rest is over. */
  endRests(): void {
    for (const pooled of this.resting.takeRested()) this.makeReady(pooled)
  }

  /** Lets the account rest with all models. */
  rest(pooled: PooledAccount, rest: Rest): void {
    this.ready.delete(pooled.account.label)
    this.resting.delete(pooled.account.label)
    pooled.rest = rest
    pooled.state = rest.state
    this.resting.add(pooled)
  }

  /** Keeps an account that the service has refused for good, so that the operator sees it. */
  bury(pooled: PooledAccount): void {
    this.#dead.set(pooled.account.label, pooled)
  }

  /** Whether an account rests because it has reached a limit. */
  hasLimit(): boolean {
    return this.resting.values().some(({ rest }) => rest?.isLimit)
  }

  #usable(): readonly PooledAccount[] {
    return [...this.ready.values(), ...this.resting.values()]
  }
}
