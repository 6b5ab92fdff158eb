import type { Budget, CallerLimits } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { FairPermits, maxWaitMs, refusedForMs } from '../flow/fair-permits.ts'
import type { Runtime } from '../flow/runtime.ts'
import { writeBudget } from './budget.ts'
import { BudgetAccount, type BudgetOptions, perDollar, periodOf } from './budget-account.ts'
import { MinuteWindow } from './minute-window.ts'
import { SharedLimits, type SharedStore } from './shared-limits.ts'

/** What a request is expected to use, counted only where a limit needs it. */
export interface RequestSize {
  /** The models that are asked: of a panel, all its members. */
  readonly requests: number
  tokens(): number
  /** In USD; undefined if a price is not known. */
  cost(tokens: number): number | undefined
}

/** What an answer has used. */
export interface AnswerUse {
  readonly tokens: number
  /** In USD; undefined if it is not known. */
  readonly cost: number | undefined
}

/** What is left of a limit of a minute. */
export interface RateLeft {
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until all of it is left again. */
  readonly resetMs: number
  /** The same moment, in milliseconds since 1970. */
  readonly resetAt: number
}

export interface LimitsLeft {
  readonly requests?: RateLeft
  readonly tokens?: RateLeft
}

/** What was spent of a budget. */
export interface BudgetUse extends Budget {
  /** In the budget's unit, without what running requests will spend. */
  readonly used: number
  /** When its next period begins, in milliseconds since 1970; undefined if it has none. */
  readonly resetsAt: number | undefined
}

/** What a request has taken of each limit before it runs. */
interface Reservation {
  readonly requests: number
  readonly requestSlice: number
  readonly tokens: number
  readonly tokenSlice: number
  readonly budget: BudgetPart | undefined
}

interface BudgetPart {
  readonly account: BudgetAccount
  /** Tokens, or billionths of a dollar. */
  readonly reserved: number
}

export interface MeterOptions extends BudgetOptions {
  readonly runtime: Pick<Runtime, 'now' | 'elapsed' | 'random' | 'timers'>
  /** The store of all processes, if there may be others. */
  readonly shared?: SharedStore | undefined
}

/** Counts what one key uses, and refuses what is over its limits. */
export class KeyMeter {
  readonly #caller: string
  readonly #options: MeterOptions
  readonly #requests = new MinuteWindow()
  readonly #tokens = new MinuteWindow()
  readonly #permits = new FairPermits({ maxWaiting: () => maxWaiting, refuse: tooManyAtOnce })
  readonly #shared: SharedLimits | undefined
  #account: BudgetAccount | undefined

  constructor(caller: string, options: MeterOptions) {
    this.#caller = caller
    this.#options = options
    const { shared, runtime } = options
    this.#shared = shared && new SharedLimits(caller, { ...shared, runtime })
  }

  /**
   * Lets a request in, perhaps after it has waited for others of the key. What it is expected to use is reserved until its end.
   * @returns a function that ends it
   * @throws ChatError `limit-reached`, `budget-spent` or `forbidden`, or the signal's reason; then nothing was taken
   */
  async admit(size: RequestSize, limits: CallerLimits, signal: Cancel): Promise<() => void> {
    const { budget } = limits
    const account = budget && this.#accountOf(budget)
    await account?.ready()
    const reservation = this.#reserve(size, limits, account)
    const { requests, requestSlice, tokens } = reservation
    const ends = [() => this.#release(reservation)]
    const undoes = [() => this.#requests.giveBack(requestSlice, requests, this.#options.runtime.elapsed())]
    try {
      if (await this.#takeShared(reservation, limits)) {
        ends.push(() => this.#shared?.giveBack([0, tokens], limits))
        undoes.push(() => this.#shared?.giveBack([requests, 0], limits))
      }
      if (limits.concurrent !== undefined) await this.#enter(limits.concurrent, ends, signal)
    } catch (thrown) {
      for (const undo of [...undoes, ...ends]) undo()
      throw thrown
    }
    return () => {
      for (const end of ends) end()
    }
  }

  /** @returns whether it was taken from the limits of all processes */
  async #takeShared({ requests, tokens }: Reservation, limits: CallerLimits): Promise<boolean> {
    const taken = this.#shared?.take([requests, tokens], limits)
    const waitMs = taken instanceof Promise ? await this.#orAlone(taken) : taken
    if (waitMs === undefined) return false
    const { rpm, tpm } = limits
    refuseOver(waitMs, [...(rpm ? [`${rpm} requests`] : []), ...(tpm ? [`${tpm} tokens`] : [])].join(' and '))
    return true
  }

  /** Waits for a turn: first in this process, then among all of them. @param ends gets what ends it */
  async #enter(max: number, ends: (() => void)[], signal: Cancel): Promise<void> {
    const until = this.#options.runtime.elapsed() + maxWaitMs
    await this.#permits.take(max, signal)
    ends.push(() => this.#permits.release())
    const shared = this.#shared
    if (!shared) return
    const entered = await this.#orAlone(shared.enter(max, until - this.#options.runtime.elapsed(), signal))
    if (entered === false) throw tooManyAtOnce(max, refusedForMs(signal.runtime))
    if (entered === true) ends.push(() => shared.leave())
  }

  /** Returns undefined while the store cannot be asked. Then the limits of this process alone count. */
  async #orAlone<Answer>(asking: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await asking
    } catch (thrown) {
      if (!(thrown instanceof ChatError) || thrown.reason !== 'unavailable') throw thrown
      this.#options.onFailure(thrown)
      return undefined
    }
  }

  /** Counts what an answer to a request has used. */
  spend({ tokens, cost }: AnswerUse, { tpm, budget }: CallerLimits): void {
    if (tpm !== undefined) this.#tokens.add(tokens, this.#options.runtime.elapsed())
    this.#shared?.spend(tokens)
    if (!budget) return
    const amount = budget.unit === 'tokens' ? tokens : cost
    if (amount !== undefined) this.#accountOf(budget).spend(unitsOf(amount, budget.unit))
  }

  left({ rpm, tpm }: CallerLimits): LimitsLeft {
    return {
      ...(rpm !== undefined && { requests: this.#leftOf(this.#requests, rpm) }),
      ...(tpm !== undefined && { tokens: this.#leftOf(this.#tokens, tpm) }),
    }
  }

  async budgetUse(budget: Budget): Promise<BudgetUse> {
    const account = this.#accountOf(budget)
    await account.ready()
    return useOf(budget, account)
  }

  /** What was spent of a budget; undefined before the key was used in this process. It makes no request. */
  spentOf(budget: Budget): BudgetUse | undefined {
    const period = periodOf(budget, this.#options.runtime.now())
    const account = this.#account
    return account?.period.name === period.name ? useOf(budget, account) : undefined
  }

  /** Writes what was spent to the store. */
  async flush(): Promise<void> {
    await this.#account?.flush()
  }

  #leftOf(window: MinuteWindow, limit: number): RateLeft {
    const { runtime } = this.#options
    const now = runtime.elapsed()
    const remaining = Math.max(0, Math.floor(limit - window.used(now)))
    const resetMs = window.msUntil(limit, limit, now)
    return { limit, remaining, resetMs, resetAt: runtime.now() + resetMs }
  }

  #accountOf(budget: Budget): BudgetAccount {
    const period = periodOf(budget, this.#options.runtime.now())
    if (this.#account?.period.name !== period.name)
      this.#account = new BudgetAccount(this.#caller, period, this.#options)
    return this.#account
  }

  /** Looks at all limits, and takes from all of them or from none. */
  #reserve(size: RequestSize, { rpm, tpm, budget }: CallerLimits, account: BudgetAccount | undefined): Reservation {
    const now = this.#options.runtime.elapsed()
    // a request that is expected to need more than the whole limit may run alone
    const requests = Math.min(size.requests, rpm ?? size.requests)
    const expected = tpm === undefined && !budget ? 0 : size.tokens()
    const tokens = Math.min(expected, tpm ?? expected)
    if (rpm !== undefined) refuseOver(this.#requests.msUntil(requests, rpm, now), `${rpm} requests`)
    if (tpm !== undefined) refuseOver(this.#tokens.msUntil(tokens, tpm, now), `${tpm} tokens`)
    return {
      budget: budget && account && this.#reserveBudget(budget, account, { size, expected }),
      requests,
      requestSlice: this.#requests.add(requests, now),
      tokens,
      tokenSlice: this.#tokens.add(tokens, now),
    }
  }

  #reserveBudget(
    budget: Budget,
    account: BudgetAccount,
    { size, expected }: { readonly size: RequestSize; readonly expected: number },
  ): BudgetPart {
    const { amount, unit } = budget
    const cost = unit === 'tokens' ? expected : size.cost(expected)
    if (cost === undefined) throw unpriced()
    if (account.used >= unitsOf(amount, unit)) throw spent(budget, account.period.endsAt, this.#options.runtime.now())
    const reserved = unitsOf(cost, unit)
    account.reserve(reserved)
    return { account, reserved }
  }

  #release({ tokens, tokenSlice, budget }: Reservation): void {
    this.#tokens.giveBack(tokenSlice, tokens, this.#options.runtime.elapsed())
    budget?.account.reserve(-budget.reserved)
  }
}

function useOf(budget: Budget, { spent: amount, period }: BudgetAccount): BudgetUse {
  return { ...budget, used: Math.max(0, amount) / unitsOf(1, budget.unit), resetsAt: period.endsAt }
}

/** Whole tokens, or billionths of a dollar. */
function unitsOf(amount: number, unit: Budget['unit']): number {
  return Math.ceil(unit === 'tokens' ? amount : amount * perDollar)
}

function refuseOver(waitMs: number, limit: string): void {
  if (waitMs <= 0) return
  const seconds = Math.ceil(waitMs / 1_000)
  throw new ChatError('limit-reached', {
    message: `This API key may use ${limit} in a minute, and has used them. Try again in ${seconds} s.`,
    retryAfterMs: waitMs,
  })
}

function spent(budget: Budget, endsAt: number | undefined, now: number): ChatError {
  const when =
    endsAt === undefined
      ? 'Ask the operator for another one.'
      : `The next one begins at ${new Date(endsAt).toISOString()}.`
  return new ChatError('budget-spent', {
    message: `This API key has spent its budget of ${writeBudget(budget)}. ${when}`,
    ...(endsAt !== undefined && { retryAfterMs: endsAt - now }),
  })
}

function unpriced(): ChatError {
  return new ChatError('forbidden', {
    message:
      'This API key has a budget in USD, and the price of this model is not known. The operator can set it in PRICES_FILE, or give the key a budget in tokens.',
    code: 'model_unpriced',
    param: 'model',
  })
}

/** Limit for the calls of one key that wait. */
const maxWaiting = 64

function tooManyAtOnce(max: number, retryAfterMs: number): ChatError {
  return new ChatError('limit-reached', {
    message: `This API key may run ${max === 1 ? 'one request' : `${max} requests`} at the same time, and others are waiting already. Try again in a moment.`,
    code: 'concurrency_limit',
    retryAfterMs,
  })
}
