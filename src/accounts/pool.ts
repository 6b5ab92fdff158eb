import { asChatError, type ChatError } from '../chat/error.ts'
import type { QuotaReport } from '../chat/quota.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Account, AccountStatus, OnLimit } from './account.ts'
import type { AccountFactory } from './account-factory.ts'
import type { AccountNews } from './account-news.ts'
import { AccountPicker, type UsedUpPool } from './account-picker.ts'
import { AccountStates } from './account-states.ts'
import { type AccountsOptions, LiveAccount } from './live-account.ts'
import { PoolMembers } from './pool-members.ts'
import { statusOf } from './pooled-account.ts'
import { ReachedLimits } from './reached-limits.ts'
import type { PickOptions } from './ready-accounts.ts'

export interface PoolOptions extends AccountsOptions {
  /** The name of the upstream. */
  readonly upstream: string
  /** Makes further accounts, if the upstream gives them on request. */
  readonly factory?: AccountFactory
  /**
   * What follows when an account reaches a limit: the next account is used (the default), or the upstream rests. An account
   * whose session broke is always replaced by another one.
   */
  readonly onLimit?: OnLimit
  /** Whether the upstream limits each model separately (docs/decisions/0077-quota.md). */
  readonly limitsModels?: boolean
}

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests, and so
 * does one whose upstream says that nothing is left of a limit. If all accounts rest, one is used all the same, unless its
 * upstream set the end of its rest: a rest that the gateway guessed must not cause an outage.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #members: PoolMembers
  readonly #states: AccountStates
  readonly #picker: AccountPicker

  constructor(options: PoolOptions) {
    const { upstream, factory, onLimit, limitsModels = false, log, runtime } = options
    const reached = onLimit === 'rest' ? new ReachedLimits() : undefined
    this.#options = options
    this.#members = new PoolMembers(() => runtime.now())
    const shared = { members: this.#members, reached, factory, runtime }
    this.#states = new AccountStates({ ...shared, limitsModels, log })
    this.#picker = new AccountPicker({ ...shared, upstream })
  }

  /** Called when an account begins to rest with all models. */
  set onRest(listener: () => void) {
    this.#states.onRest = listener
  }

  /** Called with what was learned here about an account, if other processes use the same accounts. */
  set onNews(listener: (news: AccountNews) => void) {
    this.#states.onNews = listener
  }

  get size(): number {
    return this.#members.size
  }

  /** Every account, usable or not. */
  accounts(): readonly LiveAccount[] {
    return this.#members.all().map(({ account }) => account)
  }

  /** Identifies the credential of an account; undefined if it was made, or is unknown. */
  fingerprintOf(label: string): string | undefined {
    return this.#members.labelled(label)?.account.fingerprint
  }

  /** Every account as the operator sees it. */
  states(): readonly AccountStatus[] {
    const now = this.#options.runtime.now()
    return this.#members.all().map((pooled) => statusOf(pooled, now))
  }

  /**
   * Adds an account at any time. It replaces an account with the same label and its state, because the new account
   * has another credential. Waiting calls get the new account in the order in which they came.
   */
  add(account: Account): LiveAccount {
    const live = new LiveAccount(account, this.#options)
    this.#members.drop(live.label)
    this.#members.admit(live)
    this.#picker.wakeWaiting()
    void this.#putAsideIfDead(live)
    return live
  }

  /**
   * Removes an account at any time. Calls with it run to their end, and so does its renewal, which stores the new
   * credential and releases its lease. So the same account can be added again later.
   * @returns whether there was an account of this label
   */
  remove(label: string): boolean {
    const pooled = this.#members.drop(label)
    if (pooled) this.#options.factory?.discard(pooled.account)
    return pooled !== undefined
  }

  /** Picks the next account to use. @throws as `AccountPicker.pick` */
  pick(options: PickOptions, signal: Cancel): LiveAccount | Promise<LiveAccount> {
    return this.#picker.pick(options, signal)
  }

  /** Whether another account is ready that has not failed the call. */
  hasOther(options: PickOptions): boolean {
    return this.#picker.hasOther(options)
  }

  /** When the next account may be asked: see `AccountPicker`. */
  restingUntil(model?: string): number | undefined {
    return this.#picker.restingUntil(model)
  }

  /** Until when no account may be asked: see `AccountPicker`. */
  usedUp(): UsedUpPool | undefined {
    return this.#picker.usedUp()
  }

  /** Notes that the account has answered. */
  reportSuccess(account: LiveAccount, model?: string): void {
    this.#states.reportSuccess(account, model)
  }

  /** Notes how the account failed. */
  reportFailure(account: LiveAccount, error: ChatError, model?: string): void {
    this.#states.reportFailure(account, error, model)
  }

  /** Notes what a reply said of the limits of its account. */
  noteQuota(account: LiveAccount, report: QuotaReport, model: string): void {
    this.#states.noteQuota(account, report, model)
  }

  /** Notes what another process has learned about an account. */
  learn(news: AccountNews): void {
    this.#states.learn(news)
  }

  /** Ends the rest of an account that works. @returns whether it has ended */
  wake(account: LiveAccount): boolean {
    return this.#states.wake(account)
  }

  /** Ends any rest of an account for the operator. @returns its state; undefined if there is no such account */
  wakeByOperator(label: string): AccountStatus | undefined {
    return this.#states.wakeByOperator(label)
  }

  /** Lets an account rest for so many milliseconds for the operator. @returns as `wakeByOperator` */
  restByOperator(label: string, ms: number): AccountStatus | undefined {
    return this.#states.restByOperator(label, ms)
  }

  /** Stops the work in the background. */
  close(): void {
    this.#options.factory?.close()
  }

  /** Puts an account aside if the service refused it for good in an earlier run of the program. */
  async #putAsideIfDead(account: LiveAccount): Promise<void> {
    try {
      const proof = await account.findProof()
      if (proof) this.reportFailure(account, proof)
    } catch (thrown) {
      this.#options.log.warn(
        { account: account.label, err: asChatError(thrown) },
        'the stored credential of an account cannot be read',
      )
    }
  }
}
