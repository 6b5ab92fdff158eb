import { ChatError } from '../../chat/error.ts'

/** How many anonymous sign-ups one address gets in an hour. Supabase Auth, rate limits */
const maxSignUps = 30
const windowMs = 3_600_000

/** Counts sign-ups, so that the service's own limit is never reached. */
export class SignUps {
  /** The times of the last sign-ups, oldest first. */
  #times: number[] = []

  /** Counts a sign-up. @param now milliseconds since 1970 @throws ChatError `rate-limited` if the service would allow no more */
  take(now: number): void {
    // a time in the future, from a clock that was ahead, must not count longer than an hour
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
