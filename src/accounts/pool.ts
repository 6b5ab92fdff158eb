import { asChatError, ChatError } from '../chat/error.ts'
import type { QuotaReport } from '../chat/quota.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Account, AccountStatus, OnLimit } from './account.ts'
import type { AccountFactory } from './account-factory.ts'
import type { AccountNews, Refused } from './account-news.ts'
import { AccountQuota } from './account-quota.ts'
import { type AccountsOptions, LiveAccount } from './live-account.ts'
import { logPutAside, logRest } from './log-account.ts'
import { ModelRests } from './model-rests.ts'
import { noAccountError, usedUpError } from './no-account.ts'
import { newPooled, ok, type PooledAccount, restOf, statusOf } from './pooled-account.ts'
import { ReachedLimits } from './reached-limits.ts'
import { type PickOptions, ReadyAccounts } from './ready-accounts.ts'
import { type Rest, restAfter, restByOperator, restUntilReset } from './rest.ts'
import { RestingAccounts } from './resting-accounts.ts'
import { WaitingCalls } from './waiting-calls.ts'

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

/** A pool without an account that may be asked. */
export interface UsedUpPool {
  /** When the first account may be asked again, in milliseconds since 1970. */
  readonly until: number
  /** The only models for which that is so; undefined for all models. */
  readonly models: readonly string[] | undefined
}

interface NewRest {
  readonly rest: Rest
  readonly failures: number
  /** The only model with which the account rests. */
  readonly model: string | undefined
  /** Undefined if the account rests before it was refused. */
  readonly err?: ChatError
}

/** Milliseconds by which a rest must be longer than the known one, so that other processes are told. */
const newsMs = 1_000

/**
 * Gives out the accounts of one upstream, the least recently used healthy one first. An account that failed rests, and so
 * does one whose upstream says that nothing is left of a limit. If all accounts rest, one is used all the same, unless its
 * upstream set the end of its rest: a rest that the gateway guessed must not cause an outage.
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
  /** Undefined if the next account is used when one reaches a limit. */
  readonly #reached: ReachedLimits | undefined
  /** Called when an account begins to rest with all models. */
  onRest: () => void = () => undefined
  /** Called with what was learned here about an account, if other processes use the same accounts. */
  onNews: ((news: AccountNews) => void) | undefined
  /** The account that has answered last, which is used after another one has failed a call, and its model. */
  #proven: { readonly label: string; readonly model: string | undefined } | undefined

  constructor(options: PoolOptions) {
    const { log, runtime, factory } = options
    this.#options = options
    this.#log = log
    this.#runtime = runtime
    this.#factory = factory
    this.#resting = new RestingAccounts(() => runtime.now())
    this.#reached = options.onLimit === 'rest' ? new ReachedLimits() : undefined
  }

  get size(): number {
    return this.#ready.size + this.#resting.size + this.#dead.size
  }

  /** Every account, usable or not. */
  accounts(): readonly LiveAccount[] {
    return this.#all().map(({ account }) => account)
  }

  /** Identifies the credential of an account; undefined if it was made, or is unknown. */
  fingerprintOf(label: string): string | undefined {
    return this.#labelled(label)?.account.fingerprint
  }

  /** Every account as the operator sees it. */
  states(): readonly AccountStatus[] {
    const now = this.#runtime.now()
    return this.#all().map((pooled) => statusOf(pooled, now))
  }

  /**
   * When the next account may be asked, in milliseconds since 1970; undefined if one may be asked now, or none ever. It
   * changes nothing.
   * @param model without it, a rest with single models does not count
   */
  restingUntil(model?: string): number | undefined {
    const now = this.#runtime.now()
    const limit = this.#reached?.of(model, now)
    if (limit) return limit.nextTryAt > now ? limit.nextTryAt : undefined
    const ends = [...this.#ready.values(), ...this.#resting.values()].map(
      (pooled) => restOf(pooled, model, now)?.notBefore ?? now,
    )
    const soonest = Math.min(...ends)
    return soonest > now && ends.length > 0 ? soonest : undefined
  }

  /**
   * Until when no account may be asked; undefined if one may. If limits are those of models, it looks at the model that has
   * answered last, because nobody knows all models.
   */
  usedUp(): UsedUpPool | undefined {
    const until = this.restingUntil()
    if (until !== undefined) return { until, models: undefined }
    const now = this.#runtime.now()
    const known = [...this.#ready.values()].flatMap(({ models }) => models?.resting(now) ?? [])
    const ends = [...new Set(known.map(({ model }) => model))].flatMap((model) => {
      const end = this.restingUntil(model)
      return end === undefined ? [] : [{ model, end }]
    })
    const models = ends.map(({ model }) => model)
    if (models.length === 0 || (this.#proven?.model !== undefined && !models.includes(this.#proven.model)))
      return undefined
    return { until: Math.min(...ends.map(({ end }) => end)), models }
  }

  /**
   * Ends the rest of an account at once, because it was tried early and works. A rest by the operator goes on.
   * @returns whether it has ended
   */
  wake(account: LiveAccount): boolean {
    const pooled = this.#find(account)
    if (!pooled || pooled.rest?.isByOperator) return false
    this.#reached?.forget(account)
    if (pooled.rest === undefined && pooled.models === undefined) return false
    this.#endRest(pooled, undefined)
    this.onNews?.({ label: account.label })
    return true
  }

  /**
   * Ends any rest of an account, because the operator wants that.
   * @returns its state; undefined if there is no such account. One that needs a login, or is banned, stays so
   */
  wakeByOperator(label: string): AccountStatus | undefined {
    const pooled = this.#labelled(label)
    if (!pooled) return undefined
    if (!this.#dead.has(label)) {
      this.#reached?.forget(pooled.account)
      this.#endRest(pooled, undefined)
      this.onNews?.({ label, isByOperator: true })
    }
    return statusOf(pooled, this.#runtime.now())
  }

  /**
   * Puts an account to rest for so many milliseconds, because the operator wants that. Its running calls go on.
   * @returns its state; undefined if there is no such account. One that needs a login, or is banned, stays so
   */
  restByOperator(label: string, ms: number): AccountStatus | undefined {
    const pooled = this.#labelled(label)
    if (!pooled) return undefined
    const now = this.#runtime.now()
    if (!this.#dead.has(label)) {
      pooled.rest = undefined
      this.#restAndTell(pooled, { rest: restByOperator(now + ms), failures: pooled.failures, model: undefined })
    }
    return statusOf(pooled, now)
  }

  /** Notes what another process has learned about an account. Only a later end of its rest is news. */
  learn({ label, model, trouble, isByOperator }: AccountNews): void {
    const pooled = this.#ready.get(label) ?? this.#resting.get(label)
    if (!pooled) return
    if (!trouble) {
      if (isByOperator || !pooled.rest?.isByOperator) this.#endRest(pooled, model)
    } else if ('rest' in trouble) {
      const now = this.#runtime.now()
      const known = restOf(pooled, model, now)?.state.until ?? now
      if (trouble.rest.state.until > known || trouble.rest.isByOperator) this.#rest(pooled, { ...trouble, model })
    }
    // an account that was made has been deleted already, and another may have its label
    else if (!this.#factory) this.#putAside(pooled, trouble.refused, errorOf(trouble))
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
   * @throws ChatError `rate-limited` or `quota-exhausted` if the upstream has set the rest of all accounts, `unavailable` if
   *   no account is left
   */
  pick(options: PickOptions, signal: Cancel): LiveAccount | Promise<LiveAccount> {
    for (const pooled of this.#resting.takeRested()) this.#makeReady(pooled)
    const now = this.#runtime.now()
    const limited = this.#reached && this.#pickLimited(this.#reached, options, now)
    if (limited) return limited
    const isShort = this.#factory?.needsMore(this.#usableCount) ?? false
    const ready = this.#ready.next(this.#withProven(options), now)
    // another account must not be made because one has reached its limit
    if (!this.#factory || this.#hasLimit()) return ready ?? this.#pickResting(options)
    if (isShort)
      this.#factory.fill(
        (account) => this.#admit(account),
        () => !this.#hasLimit(),
      )
    return ready ?? this.#awaitAccount(this.#factory, options, signal)
  }

  /** Whether another account is ready that has not failed the call. */
  hasOther(options: PickOptions): boolean {
    const now = this.#runtime.now()
    return !this.#reached?.of(options.model, now) && this.#ready.has(options, now)
  }

  /** Notes that the account has answered. A rest that the upstream has set goes on, because the answer began before it. */
  reportSuccess(account: LiveAccount, model?: string): void {
    const pooled = this.#find(account)
    if (!pooled) return
    if (this.#proven?.label !== account.label || this.#proven.model !== model)
      this.#proven = { label: account.label, model }
    if (pooled.state === ok && pooled.failures === 0 && !pooled.models) return
    const now = this.#runtime.now()
    const rest = restOf(pooled, model, now)
    if (rest && (rest.notBefore > now || this.#reached?.isUntried(account, model))) return
    this.#endRest(pooled, model)
    if (rest) this.onNews?.({ label: account.label, model })
  }

  /** Notes how the account failed. The table of reasons decides the account's state. */
  reportFailure(account: LiveAccount, error: ChatError, model?: string): void {
    const { label } = account
    const pooled = this.#find(account)
    const kind = error.meaning.account
    if (!pooled || kind === 'unchanged') return
    const now = this.#runtime.now()
    if (kind === 'needs-login' || kind === 'banned') {
      this.#putAside(pooled, kind, error)
      this.onNews?.({ label, trouble: { refused: kind, why: error.message } })
      return
    }
    const ofModel = error.reason === 'rate-limited' ? this.#limitedModel(model) : undefined
    const failures = 1 + (ofModel === undefined ? pooled.failures : (pooled.models?.failures(ofModel) ?? 0))
    const rest = restAfter(error, failures, now)
    if (rest) this.#restAndTell(pooled, { rest, failures, model: ofModel, err: error })
  }

  /** Notes what a reply said of the limits of its account. If nothing is left, the account rests before it is refused. */
  noteQuota(account: LiveAccount, report: QuotaReport, model: string): void {
    const pooled = this.#find(account)
    if (!pooled) return
    pooled.quota ??= new AccountQuota()
    pooled.quota.note(model, report)
    if (!report.mayBeUsedUp) return
    const rest = restUntilReset(report.windows(), this.#runtime.now())
    const ofModel = this.#limitedModel(model)
    // a failure of the same reply says more
    const known = restOf(pooled, ofModel, this.#runtime.now())
    if (rest && !known) this.#restAndTell(pooled, { rest, failures: pooled.failures, model: ofModel })
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

  #labelled(label: string): PooledAccount | undefined {
    return this.#ready.get(label) ?? this.#resting.get(label) ?? this.#dead.get(label)
  }

  #admit(account: LiveAccount): void {
    this.#ready.add(newPooled(account))
  }

  /** The model to which a limit applies; undefined if it applies to the whole account. */
  #limitedModel(model: string | undefined): string | undefined {
    return this.#options.limitsModels ? model : undefined
  }

  /** Whether an account rests because it has reached a limit. */
  #hasLimit(): boolean {
    return this.#resting.values().some(({ rest }) => rest?.isLimit)
  }

  #drop(label: string): PooledAccount | undefined {
    const pooled = this.#labelled(label)
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
    this.#ready.delete(label)
    this.#resting.delete(label)
    logPutAside(this.#log, label, kind, err)
    pooled.state = { kind, why: err.message }
    if (!this.#factory?.discard(pooled.account)) this.#dead.set(label, pooled)
  }

  #restAndTell(pooled: PooledAccount, newRest: NewRest): void {
    const { rest, failures, model } = newRest
    const known = restOf(pooled, model, this.#runtime.now())
    this.#rest(pooled, newRest)
    // the last account is used while it rests, and may fail all the time
    if (rest.state.until - (known?.state.until ?? 0) > newsMs)
      this.onNews?.({ label: pooled.account.label, model, trouble: { rest, failures } })
  }

  #rest(pooled: PooledAccount, { rest, failures, model, err }: NewRest): void {
    const { account } = pooled
    const now = this.#runtime.now()
    // a call that was running may fail
    if (pooled.rest?.isByOperator && pooled.rest.state.until > now && !rest.isByOperator) return
    const earlier = restOf(pooled, model, now)?.state
    pooled.said = err?.message
    if (rest.isLimit) this.#reached?.note({ account, rest, failures, model }, now)
    if (model === undefined) this.#restFully(pooled, rest, failures)
    else {
      pooled.models ??= new ModelRests()
      pooled.models.set(model, rest, failures)
    }
    // the last account is used while it rests, and may fail again in the same way
    if (earlier?.kind !== rest.state.kind || earlier.why !== rest.state.why || earlier.until <= now)
      logRest(this.#log, { account: account.label, model, state: rest.state, err })
  }

  #restFully(pooled: PooledAccount, rest: Rest, failures: number): void {
    this.#ready.delete(pooled.account.label)
    this.#resting.delete(pooled.account.label)
    pooled.failures = failures
    pooled.rest = rest
    pooled.state = rest.state
    this.#resting.add(pooled)
    this.onRest()
  }

  #endRest(pooled: PooledAccount, model: string | undefined): void {
    const { account } = pooled
    if (model === undefined || pooled.models?.succeed(model)) pooled.models = undefined
    this.#reached?.forget(account, model)
    if (pooled.failures > 0) this.#log.info({ account: account.label }, 'an account answers again')
    this.#makeReady(pooled)
    pooled.failures = 0
  }

  #makeReady(pooled: PooledAccount): void {
    const { label } = pooled.account
    pooled.state = ok
    pooled.rest = undefined
    this.#resting.delete(label)
    this.#ready.add(pooled)
  }

  /** After a failure, the account that has answered last is a better choice than one that has not been tried for long. */
  #withProven(options: PickOptions): PickOptions {
    return options.tried.size > 0 ? { ...options, preferred: this.#proven?.label } : options
  }

  /** While the upstream rests, only the account that reached the limit tries again. @throws ChatError if it is too early */
  #pickLimited(reached: ReachedLimits, { model, tried }: PickOptions, now: number): LiveAccount | undefined {
    const limit = reached.of(model, now)
    if (!limit) return undefined
    const isGone = this.#find(limit.account) === undefined
    if (!tried.has(limit.account) && reached.takeTry(limit, now)) {
      if (!isGone) return limit.account
      reached.forget(limit.account)
      return undefined
    }
    const until = Math.max(limit.nextTryAt, now)
    throw usedUpError({ upstream: this.#options.upstream, rests: [limit.rest], until }, now)
  }

  #pickResting({ tried, model }: PickOptions): LiveAccount {
    const now = this.#runtime.now()
    const usable = [...this.#ready.values(), ...this.#resting.values()]
    const known = usable.map((pooled) => ({ pooled, rest: restOf(pooled, model, now) }))
    const [first] = known
      .filter(({ pooled, rest }) => rest && rest.notBefore <= now && !tried.has(pooled.account))
      .toSorted((a, b) => (a.rest?.state.until ?? 0) - (b.rest?.state.until ?? 0))
    if (first) return first.pooled.account
    const rests = known.map(({ rest }) => rest)
    throw noAccountError({ upstream: this.#options.upstream, rests, dead: this.#dead.size }, now)
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
    const ready = this.#ready.next(options, this.#runtime.now())
    if (ready) return ready
    if (why && this.#resting.size === 0) throw why
    return this.#pickResting(options)
  }
}

function errorOf({ refused, why }: Refused): ChatError {
  return new ChatError(refused === 'banned' ? 'account-banned' : 'login-needed', { message: why })
}
