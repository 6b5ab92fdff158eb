import type { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { AccountFactory } from './account-factory.ts'
import type { LiveAccount } from './live-account.ts'
import { noAccountError, usedUpError } from './no-account.ts'
import type { PoolMembers } from './pool-members.ts'
import type { ReachedLimits } from './reached-limits.ts'
import type { PickOptions } from './ready-accounts.ts'
import { WaitingCalls } from './waiting-calls.ts'

/** A pool without an account that may be asked. */
export interface UsedUpPool {
  /** When the first account may be asked again, in milliseconds since 1970. */
  readonly until: number
  /** The only models for which that is so; undefined for all models. */
  readonly models: readonly string[] | undefined
}

interface AccountPickerOptions {
  /** The name of the upstream. */
  readonly upstream: string
  readonly members: PoolMembers
  /** Undefined if the next account is used when one reaches a limit. */
  readonly reached: ReachedLimits | undefined
  readonly factory: AccountFactory | undefined
  readonly runtime: Runtime
}

/** Chooses the account that is asked next, the least recently used healthy one first. */
export class AccountPicker {
  readonly #upstream: string
  readonly #members: PoolMembers
  readonly #reached: ReachedLimits | undefined
  readonly #factory: AccountFactory | undefined
  readonly #runtime: Runtime
  readonly #waiting = new WaitingCalls()

  constructor({ upstream, members, reached, factory, runtime }: AccountPickerOptions) {
    this.#upstream = upstream
    this.#members = members
    this.#reached = reached
    this.#factory = factory
    this.#runtime = runtime
  }

  /** Gives an account that was added to a call that waits for one. */
  wakeWaiting(): void {
    this.#waiting.wake()
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
    const ends = this.#members.usable(model, now).map(({ rest }) => rest?.notBefore ?? now)
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
    const known = [...this.#members.ready.values()].flatMap(({ models }) => models?.resting(now) ?? [])
    const ends = [...new Set(known.map(({ model }) => model))].flatMap((model) => {
      const end = this.restingUntil(model)
      return end === undefined ? [] : [{ model, end }]
    })
    const models = ends.map(({ model }) => model)
    const proven = this.#members.proven?.model
    if (models.length === 0 || (proven !== undefined && !models.includes(proven))) return undefined
    return { until: Math.min(...ends.map(({ end }) => end)), models }
  }

  /**
   * Picks the next account to use; the result is a promise if the account has to be made first.
   * @throws ChatError `rate-limited` or `quota-exhausted` if the upstream has set the rest of all accounts, `unavailable` if
   *   no account is left
   */
  pick(options: PickOptions, signal: Cancel): LiveAccount | Promise<LiveAccount> {
    this.#members.endRests()
    const now = this.#runtime.now()
    const limited = this.#reached && this.#pickLimited(this.#reached, options, now)
    if (limited) return limited
    const isShort = this.#factory?.needsMore(this.#members.usableCount) ?? false
    const ready = this.#members.ready.next(this.#withProven(options), now)
    // another account must not be made because one has reached its limit
    if (!this.#factory || this.#members.hasLimit()) return ready ?? this.#pickResting(options)
    if (isShort)
      this.#factory.fill(
        (account) => this.#members.admit(account),
        () => !this.#members.hasLimit(),
      )
    return ready ?? this.#awaitAccount(this.#factory, options, signal)
  }

  /** Whether another account is ready that has not failed the call. */
  hasOther(options: PickOptions): boolean {
    const now = this.#runtime.now()
    return !this.#reached?.of(options.model, now) && this.#members.ready.has(options, now)
  }

  /** After a failure, the account that has answered last is a better choice than one that has not been tried for long. */
  #withProven(options: PickOptions): PickOptions {
    return options.tried.size > 0 ? { ...options, preferred: this.#members.proven?.label } : options
  }

  /** While the upstream rests, only the account that reached the limit tries again. @throws ChatError if it is too early */
  #pickLimited(reached: ReachedLimits, { model, tried }: PickOptions, now: number): LiveAccount | undefined {
    const limit = reached.of(model, now)
    if (!limit) return undefined
    const pooled = this.#members.find(limit.account)
    const isGone = pooled === undefined
    const rested = pooled?.rest?.isByOperator ? pooled.rest : undefined
    if (!rested && !tried.has(limit.account) && reached.takeTry(limit, now)) {
      if (!isGone) return limit.account
      reached.forget(limit.account)
      return undefined
    }
    const until = Math.max(limit.nextTryAt, rested?.state.until ?? 0, now)
    throw usedUpError({ upstream: this.#upstream, rests: [rested ?? limit.rest], until }, now)
  }

  #pickResting({ tried, model }: PickOptions): LiveAccount {
    const now = this.#runtime.now()
    const known = this.#members.usable(model, now)
    const [first] = known
      .filter(({ pooled, rest }) => rest && rest.notBefore <= now && !tried.has(pooled.account))
      .toSorted((a, b) => (a.rest?.state.until ?? 0) - (b.rest?.state.until ?? 0))
    if (first) return first.pooled.account
    const rests = known.map(({ rest }) => rest)
    throw noAccountError({ upstream: this.#upstream, rests, dead: this.#members.deadCount }, now)
  }

  /**
   * Waits for an account that is made or added. If none can be made, it picks like a pool without a factory. While
   * more accounts are needed, each new account serves one waiting call. Otherwise the first one would serve all of
   * them.
   */
  async #awaitAccount(factory: AccountFactory, options: PickOptions, signal: Cancel): Promise<LiveAccount> {
    let why: ChatError | undefined
    const admit = (account: LiveAccount) => this.#members.admit(account)
    do {
      why = await this.#waiting.wait(factory.waitForNext(admit, this.#members.resting.size, signal))
      const unused = this.#members.ready.nextUnused(options)
      if (unused) return unused
    } while (!why && factory.needsMore(this.#members.usableCount))
    const ready = this.#members.ready.next(options, this.#runtime.now())
    if (ready) return ready
    if (why && this.#members.resting.size === 0) throw why
    return this.#pickResting(options)
  }
}
