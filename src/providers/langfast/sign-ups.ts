import { ChatError } from '../../chat/error.ts'

/** Anonymous sign-ups that one address gets in an hour. Supabase Auth, rate limits */
const maxSignUps = 30
const windowMs = 3_600_000

/** Counts sign-ups, so that the service's own limit is never hit. */
export class SignUps {
  readonly #now: () => number
  /** When the last ones were made, oldest first. */
  #times: number[] = []

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Counts one. @throws ChatError `rate-limited` where there were as many as the service allows */
  take(): void {
    const now = this.#now()
    // by a clock that was ahead they would count for as long as it had been
    this.#times = this.#times.map((time) => Math.min(time, now)).filter((time) => now - time < windowMs)
    const [oldest] = this.#times
    if (oldest !== undefined && this.#times.length >= maxSignUps)
      throw new ChatError('rate-limited', {
        message: `The upstream makes no more than ${maxSignUps} accounts an hour.`,
        retryAfterMs: oldest + windowMs - now,
      })
    this.#times.push(now)
  }
}
