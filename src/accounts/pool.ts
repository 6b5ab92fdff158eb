import { asChatError, type ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Account, AccountState, AccountStatus } from './account.ts'
import type { AccountFactory } from './account-factory.ts'
import { type AccountsOptions, LiveAccount } from './live-account.ts'
import { noAccountError } from './no-account.ts'
import { type PooledAccount, statusOf } from './pooled-account.ts'
import { type PickOptions, ReadyAccounts } from './ready-accounts.ts'
import { restMs } from './rest-ms.ts'
import { RestingAccounts } from './resting-accounts.ts'

export interface PoolOptions extends AccountsOptions {
  /** Of which upstream the accounts are. */
  readonly upstream: string
  /** Makes further accounts, where the upstream has them for the asking. */
  readonly factory?: AccountFactory
}

/** The last moment that a date can be. */
const latestMs = 8.64e15

type RestState = Extract<AccountState, { readonly until: number }>

const ok: AccountState = { kind: 'ok' }

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests. The
 * last one is used even while it rests, unless its upstream said for how long: a guess of ours would be an outage.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #log: Logger
  readonly #runtime: Runtime
  readonly #factory: AccountFactory | undefined
  readonly #ready = new ReadyAccounts()
  readonly #resting: RestingAccounts
  /** Of no more use, by the service's own proof. */
  readonly #dead = new Map<string, PooledAccount>()
  /** Calls that wait for an account, in the order in which they came. */
  readonly #waiting = new Set<(added: undefined) => void>()

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

  /** Every account there is, be it of use or not. */
  accounts(): readonly LiveAccount[] {
    return this.#all().map(({ account }) => account)
  }

  /** Every account with its state, for showing. */
  states(): readonly AccountStatus[] {
    return this.#all().map(statusOf)
  }

  /**
   * Takes in an account, at any time. One of the same label is replaced, with its state: it has another credential.
   * Calls that wait for an account get it in the order in which they came.
   */
  add(account: Account): LiveAccount {
    const live = new LiveAccount(account, this.#options)
    this.#drop(live.label)
    this.#admit(live)
    for (const wake of this.#waiting) wake(undefined)
    void this.#putAsideIfDead(live)
    return live
  }

  /**
   * Takes an account out, at any time. Calls that run with it end as they would have, and so does its renewal, which
   * keeps what it gets and gives back its lease: the same account can be added again later.
   * @returns whether there was one of this label
   */
  remove(label: string): boolean {
    const pooled = this.#drop(label)
    if (pooled) this.#factory?.discard(pooled.account)
    return pooled !== undefined
  }

  /**
   * The account to ask next, or a promise of it where one has to be made first.
   * @throws ChatError `rate-limited` when every account rests at its upstream's word, `unavailable` when none is left to try
   */
  pick(options: PickOptions, signal: Cancel): LiveAccount | Promise<LiveAccount> {
    for (const pooled of this.#resting.takeRested()) this.#settle(pooled)
    const isShort = this.#factory?.needsMore(this.#living) ?? false
    const ready = this.#ready.next(options)
    if (!this.#factory) return ready ?? this.#pickResting(options)
    if (isShort) this.#factory.fill((account) => this.#admit(account))
    return ready ?? this.#awaitAccount(this.#factory, options, signal)
  }

  /** Tells that the account has answered. */
  reportSuccess(account: LiveAccount): void {
    const pooled = this.#find(account)
    if (!pooled || (pooled.state === ok && pooled.failures === 0)) return
    if (pooled.failures > 0) this.#log.info({ account: account.label }, 'an account answers again')
    this.#settle(pooled)
    pooled.failures = 0
  }

  /** Tells how the account failed: the table of reasons says what becomes of it. */
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

  /** Stops what goes on in the background. */
  close(): void {
    this.#factory?.close()
  }

  #all(): readonly PooledAccount[] {
    return [...this.#ready.values(), ...this.#resting.values(), ...this.#dead.values()]
  }

  get #living(): number {
    return this.#ready.size + this.#resting.size
  }

  /** Undefined for one that is dead or was removed: another may have its label by now. */
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

  /** What the service has proven in a former life of the program holds in this one. */
  async #putAsideIfDead(account: LiveAccount): Promise<void> {
    try {
      const proof = await account.findProof()
      if (proof) this.reportFailure(account, proof)
    } catch (thrown) {
      this.#log.warn({ account: account.label, err: asChatError(thrown) }, 'what is kept of an account cannot be read')
    }
  }

  /** An account that was made makes room for another; one that was configured stays to be seen. */
  #putAside(pooled: PooledAccount, kind: 'needs-login' | 'banned', err: ChatError): void {
    const { label } = pooled.account
    this.#log.warn({ account: label, state: kind, err }, 'an account is put aside until it has another credential')
    pooled.state = { kind, why: err.message }
    if (!this.#factory?.discard(pooled.account)) this.#dead.set(label, pooled)
  }

  /** The last account is asked while it rests, so it may fail again in the same way: that is no change. */
  #rest(pooled: PooledAccount, state: RestState, err: ChatError): void {
    const { account, state: before } = pooled
    pooled.state = state
    this.#resting.add(pooled)
    const isKnown = before.kind === state.kind && before.why === state.why && before.until > this.#runtime.now()
    if (isKnown) return
    const until = new Date(Math.min(state.until, latestMs)).toISOString()
    this.#log.warn({ account: account.label, state: state.kind, until, err }, 'an account rests')
  }

  #settle(pooled: PooledAccount): void {
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
   * Waits for an account that is being made or added; where none can be made, for what a pool without a factory would
   * give. As long as more are to come each is for one of the calls that wait: otherwise the first would serve them all.
   */
  async #awaitAccount(factory: AccountFactory, options: PickOptions, signal: Cancel): Promise<LiveAccount> {
    let why: ChatError | undefined
    do {
      why = await this.#nextAccount(factory, signal)
      const unused = this.#ready.nextUnused(options)
      if (unused) return unused
    } while (!why && factory.needsMore(this.#living))
    const ready = this.#ready.next(options)
    if (ready) return ready
    if (why && this.#resting.size === 0) throw why
    return this.#pickResting(options)
  }

  /** @returns why none is to come; undefined once one was made or added */
  #nextAccount(factory: AccountFactory, signal: Cancel): Promise<ChatError | undefined> {
    const { promise: added, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.add(resolve)
    const made = factory.waitForNext((account) => this.#admit(account), this.#resting.size, signal)
    return Promise.race([made, added]).finally(() => this.#waiting.delete(resolve))
  }
}
