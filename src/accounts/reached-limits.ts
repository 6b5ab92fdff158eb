import type { LiveAccount } from './live-account.ts'
import { type Rest, recheckMs } from './rest.ts'

/** A limit that an account of the upstream has reached. */
interface ReachedLimit {
  readonly account: LiveAccount
  readonly rest: Rest
  /** The only model that is limited; undefined for all models. */
  readonly model: string | undefined
  /** When the account is asked again. Milliseconds since 1970 */
  nextTryAt: number
  /** Whether it has been asked again. An answer before that began before the limit. */
  isTried: boolean
}

interface NewLimit extends Pick<ReachedLimit, 'account' | 'rest' | 'model'> {
  /** Failures of the account since its last success. */
  readonly failures: number
}

/** Milliseconds for which no second request joins the one that tries again. */
const tryMs = 30_000

/**
 * The limits that accounts have reached, for an upstream that rests then (`ON_LIMIT=rest`). Until a limit is over, only the
 * account that reached it tries again: any other account would evade the limit.
 */
export class ReachedLimits {
  readonly #limits = new Map<string | undefined, ReachedLimit>()

  note({ failures, ...limit }: NewLimit, now: number): void {
    const { notBefore, state } = limit.rest
    const nextTryAt = notBefore > now ? notBefore : Math.min(state.until, now + recheckMs(failures))
    this.#limits.set(limit.model, { ...limit, nextTryAt, isTried: false })
  }

  /** The limit that holds for a model. */
  of(model: string | undefined, now: number): ReachedLimit | undefined {
    if (this.#limits.size === 0) return undefined
    for (const [key, { rest }] of this.#limits) if (rest.state.until <= now) this.#limits.delete(key)
    return this.#limits.get(undefined) ?? this.#limits.get(model)
  }

  /** Takes the right to try again, which one request has at a time. @returns false if it is too early */
  takeTry(limit: ReachedLimit, now: number): boolean {
    if (now < limit.nextTryAt) return false
    limit.nextTryAt = now + tryMs
    limit.isTried = true
    return true
  }

  /** Whether the account has reached a limit that holds for this model, and has not been asked since. */
  isUntried(account: LiveAccount, model: string | undefined): boolean {
    const limit = this.#limits.get(undefined) ?? this.#limits.get(model)
    return limit?.account === account && !limit.isTried
  }

  /** Forgets the limits of an account, because it has answered with this model, or is gone. */
  forget(account: LiveAccount, model?: string): void {
    for (const [key, limit] of this.#limits)
      if (limit.account === account && (model === undefined || key === undefined || key === model))
        this.#limits.delete(key)
  }
}
