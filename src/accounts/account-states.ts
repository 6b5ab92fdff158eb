import { ChatError } from '../chat/error.ts'
import type { QuotaReport } from '../chat/quota.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { AccountStatus } from './account.ts'
import type { AccountFactory } from './account-factory.ts'
import type { AccountNews, Refused } from './account-news.ts'
import { AccountQuota } from './account-quota.ts'
import type { LiveAccount } from './live-account.ts'
import { logPutAside, logRest } from './log-account.ts'
import { ModelRests } from './model-rests.ts'
import type { PoolMembers } from './pool-members.ts'
import { ok, type PooledAccount, restOf, statusOf } from './pooled-account.ts'
import type { ReachedLimits } from './reached-limits.ts'
import { type Rest, restAfter, restByOperator, restUntilReset } from './rest.ts'

interface AccountStatesOptions {
  readonly members: PoolMembers
  /** Undefined if the next account is used when one reaches a limit. */
  readonly reached: ReachedLimits | undefined
  readonly factory: AccountFactory | undefined
  /** Whether the upstream limits each model separately (docs/decisions/0077-quota.md). */
  readonly limitsModels: boolean
  readonly log: Logger
  readonly runtime: Runtime
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
 * Changes the states of a pool's accounts by what is learned of them: from their answers and failures, from other processes, and from
 * the operator.
 */
export class AccountStates {
  readonly #options: AccountStatesOptions
  readonly #members: PoolMembers
  readonly #reached: ReachedLimits | undefined
  readonly #log: Logger
  readonly #runtime: Runtime
  /** Called when an account begins to rest with all models. */
  onRest: () => void = () => undefined
  /** Called with what was learned here about an account, if other processes use the same accounts. */
  onNews: ((news: AccountNews) => void) | undefined

  constructor(options: AccountStatesOptions) {
    this.#options = options
    this.#members = options.members
    this.#reached = options.reached
    this.#log = options.log
    this.#runtime = options.runtime
  }

  /**
   * Ends the rest of an account at once, because it was tried early and works. A rest by the operator goes on.
   * @returns whether it has ended
   */
  wake(account: LiveAccount): boolean {
    const pooled = this.#members.find(account)
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
    const pooled = this.#members.labelled(label)
    if (!pooled) return undefined
    if (!this.#members.isDead(label)) {
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
    const pooled = this.#members.labelled(label)
    if (!pooled) return undefined
    const now = this.#runtime.now()
    if (!this.#members.isDead(label)) {
      pooled.rest = undefined
      this.#restAndTell(pooled, { rest: restByOperator(now + ms), failures: pooled.failures, model: undefined })
    }
    return statusOf(pooled, now)
  }

  /** Notes what another process has learned about an account. Only a later end of its rest is news. */
  learn({ label, model, trouble, isByOperator }: AccountNews): void {
    const pooled = this.#members.usableOf(label)
    if (!pooled) return
    if (!trouble) {
      if (isByOperator || !pooled.rest?.isByOperator) this.#endRest(pooled, model)
    } else if ('rest' in trouble) {
      const now = this.#runtime.now()
      const known = restOf(pooled, model, now)?.state.until ?? now
      if (trouble.rest.state.until > known || trouble.rest.isByOperator) this.#rest(pooled, { ...trouble, model })
    }
    // an account that was made has been deleted already, and another may have its label
    else if (!this.#options.factory) this.#putAside(pooled, trouble.refused, errorOf(trouble))
  }

  /** Notes that the account has answered. A rest that the upstream has set goes on, because the answer began before it. */
  reportSuccess(account: LiveAccount, model?: string): void {
    const pooled = this.#members.find(account)
    if (!pooled) return
    if (this.#members.proven?.label !== account.label || this.#members.proven.model !== model)
      this.#members.proven = { label: account.label, model }
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
    const pooled = this.#members.find(account)
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
    const pooled = this.#members.find(account)
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

  /** The model to which a limit applies; undefined if it applies to the whole account. */
  #limitedModel(model: string | undefined): string | undefined {
    return this.#options.limitsModels ? model : undefined
  }

  /**
   * Deletes an account that was made, so that another can be made. A configured account stays, so that the operator
   * sees it.
   */
  #putAside(pooled: PooledAccount, kind: 'needs-login' | 'banned', err: ChatError): void {
    const { label } = pooled.account
    this.#members.drop(label)
    logPutAside(this.#log, label, kind, err)
    pooled.state = { kind, why: err.message }
    if (!this.#options.factory?.discard(pooled.account)) this.#members.bury(pooled)
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
    pooled.failures = failures
    this.#members.rest(pooled, rest)
    this.onRest()
  }

  #endRest(pooled: PooledAccount, model: string | undefined): void {
    const { account } = pooled
    if (model === undefined || pooled.models?.succeed(model)) pooled.models = undefined
    this.#reached?.forget(account, model)
    if (pooled.failures > 0) this.#log.info({ account: account.label }, 'an account answers again')
    this.#members.makeReady(pooled)
    pooled.failures = 0
  }
}

function errorOf({ refused, why }: Refused): ChatError {
  return new ChatError(refused === 'banned' ? 'account-banned' : 'login-needed', { message: why })
}
