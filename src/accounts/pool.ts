import { asChatError, type ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Account, AccountState, AccountStatus } from './account.ts'
import type { AccountFactory } from './account-factory.ts'
import { type AccountsOptions, LiveAccount } from './live-account.ts'
import { logPutAside, logRest, type RestState } from './log-account.ts'
import { noAccountError } from './no-account.ts'
import { type PooledAccount, statusOf } from './pooled-account.ts'
import { type PickOptions, ReadyAccounts } from './ready-accounts.ts'
import { restMs } from './rest-ms.ts'
import { RestingAccounts } from './resting-accounts.ts'
import { WaitingCalls } from './waiting-calls.ts'

export interface PoolOptions extends AccountsOptions {
  /** The name of the upstream. */
  readonly upstream: string
  /** Makes further accounts, if the upstream gives them on request. */
  readonly factory?: AccountFactory
}

const ok: AccountState = { kind: 'ok' }

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests. If
 * all accounts rest, one is used all the same, unless its upstream set the end of its rest: a rest that the gateway
 * guessed must not cause an outage.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #factory: AccountFactory | undefined
  readonly #ready = new ReadyAccounts()
  readonly #resting: RestingAccounts
  /** The accounts that the service has refused for good: they need a login or are banned. */
  readonly #dead = new Map<string, PooledAccount>()
  readonly #waiting = new WaitingCalls()

  constructor(options: PoolOptions) {
    const { log, runtime, factory } = options
    this.#options = options
    this.#log = log
    this.#runtime = runtime
    this.#factory = factory
    this.#resting = new RestingAccounts(() => runtime.now())
  }

  get size(): number {
    return this.#ready.size + this.#resting.size + this.#dead.size
  }

  /** Every account, usable or not. */
  accounts(): readonly LiveAccount[] {
    return this.#all().map(({ account }) => account)
  }

  /** Every account as the operator sees it. */
  states(): readonly AccountStatus[] {
    return this.#all().map(statusOf)
  }

  /**
   * Adds an account at any time. It replaces an account with the same label and its state, because the new account
   * has another credential. Waiting calls get the new account in the order in which they came.
   */
  add(account: Account): LiveAccount {
    const live = new LiveAccount(account, this.#options)
    this.#drop(live.label)
    this.#admit(live)
    this.#waiting.wake()
    void this.#putAsideIfDead(live)
    return live
  }

  /**
   * Removes an account at any time. Calls with it run to their end, and so does its renewal, which stores the new
   * credential and releases its lease. So the same account can be added again later.
   * @returns whether there was an account of this label
   */
  remove(label: string): boolean {
    const pooled = this.#drop(label)
    if (pooled) this.#factory?.discard(pooled.account)
    return pooled !== undefined
  }

  /**
   * Picks the next account to use; the result is a promise if the account has to be made first.
   * @throws ChatError `rate-limited` if the upstream has set the rest of all accounts, `unavailable` if no account is
   *   left
   */
  pick(options: PickOptions, signal: Cancel): LiveAccount | Promise<LiveAccount> {
    for (const pooled of this.#resting.takeRested()) this.#makeReady(pooled)
    const isShort = this.#factory?.needsMore(this.#usableCount) ?? false
    const ready = this.#ready.next(options)
    if (!this.#factory) return ready ?? this.#pickResting(options)
    if (isShort) this.#factory.fill((account) => this.#admit(account))
    return ready ?? this.#awaitAccount(this.#factory, options, signal)
  }

  /** Notes that the account has answered. */
  reportSuccess(account: LiveAccount): void {
    const pooled = this.#find(account)
    if (!pooled || (pooled.state === ok && pooled.failures === 0)) return
    if (pooled.failures > 0) this.#log.info({ account: account.label }, 'an account answers again')
    this.#makeReady(pooled)
    pooled.failures = 0
  }

  /** Notes how the account failed. The table of reasons decides the account's state. */
  reportFailure(account: LiveAccount, error: ChatError): void {
    const { label } = account
    const pooled = this.#find(account)
    const kind = error.meaning.account
    if (!pooled || kind === 'unchanged') return
    pooled.failures++
    this.#ready.delete(label)
    this.#resting.delete(label)
    if (kind === 'needs-login' || kind === 'banned') {
      this.#putAside(pooled, kind, error)
      return
    }
    pooled.isRestStated = error.retryAfterMs !== undefined
    const until = this.#runtime.now() + (error.retryAfterMs ?? restMs(kind, pooled.failures, this.#runtime.now()))
    this.#rest(pooled, { kind, until, why: error.code }, error)
  }

  /** Stops the work in the background. */
  close(): void {
    this.#factory?.close()
  }

  #all(): readonly PooledAccount[] {
    return [...this.#ready.values(), ...this.#resting.values(), ...this.#dead.values()]
  }

  get #usableCount(): number {
    return this.#ready.size + this.#resting.size
  }

  /** Undefined for an account that is dead or was removed. Another account may have its label by now. */
  #find(account: LiveAccount): PooledAccount | undefined {
    const pooled = this.#ready.get(account.label) ?? this.#resting.get(account.label)
    return pooled?.account === account ? pooled : undefined
  }

  #admit(account: LiveAccount): void {
    this.#ready.add({ account, state: ok, isUsed: false, isRestStated: false, failures: 0 })
  }

  #drop(label: string): PooledAccount | undefined {
    const pooled = this.#ready.get(label) ?? this.#resting.get(label) ?? this.#dead.get(label)
    this.#ready.delete(label)
    this.#resting.delete(label)
    this.#dead.delete(label)
    return pooled
  }

  /** Puts an account aside if the service refused it for good in an earlier run of the program. */
  async #putAsideIfDead(account: LiveAccount): Promise<void> {
    try {
      const proof = await account.findProof()
      if (proof) this.reportFailure(account, proof)
    } catch (thrown) {
      this.#log.warn(
        { account: account.label, err: asChatError(thrown) },
        'the stored credential of an account cannot be read',
      )
    }
  }

  /**
   * Deletes an account that was made, so that another can be made. A configured account stays, so that the operator
   * sees it.
   */
  #putAside(pooled: PooledAccount, kind: 'needs-login' | 'banned', err: ChatError): void {
    const { label } = pooled.account
    logPutAside(this.#log, label, kind, err)
    pooled.state = { kind, why: err.message }
    if (!this.#factory?.discard(pooled.account)) this.#dead.set(label, pooled)
  }

  /** Logs only changes, because the last account is used while it rests, and may fail again in the same way. */
  #rest(pooled: PooledAccount, state: RestState, err: ChatError): void {
    const { account, state: earlier } = pooled
    pooled.state = state
    this.#resting.add(pooled)
    const isKnown = earlier.kind === state.kind && earlier.why === state.why && earlier.until > this.#runtime.now()
    if (isKnown) return
    logRest(this.#log, account.label, state, err)
  }

  #makeReady(pooled: PooledAccount): void {
    const { label } = pooled.account
    pooled.state = ok
    pooled.isRestStated = false
    this.#resting.delete(label)
    this.#ready.add(pooled)
  }

  #pickResting({ tried }: PickOptions): LiveAccount {
    const pooled = this.#resting.soonest(({ isRestStated, account }) => !isRestStated && !tried.has(account))
    if (pooled) return pooled.account
    throw noAccountError({ ready: this.#ready.size, resting: this.#resting, dead: this.#dead.size })
  }

  /**
   * Waits for an account that is made or added. If none can be made, it picks like a pool without a factory. While
   * more accounts are needed, each new account serves one waiting call. Otherwise the first one would serve all of
   * them.
   */
  async #awaitAccount(factory: AccountFactory, options: PickOptions, signal: Cancel): Promise<LiveAccount> {
    let why: ChatError | undefined
    const admit = (account: LiveAccount) => this.#admit(account)
    do {
      why = await this.#waiting.wait(factory.waitForNext(admit, this.#resting.size, signal))
      const unused = this.#ready.nextUnused(options)
      if (unused) return unused
    } while (!why && factory.needsMore(this.#usableCount))
    const ready = this.#ready.next(options)
    if (ready) return ready
    if (why && this.#resting.size === 0) throw why
    return this.#pickResting(options)
  }
}
