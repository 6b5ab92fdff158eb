import type { ChatError } from '../../chat/error.ts'

/** Failures in a row of an upstream or a model, with no success between them. */
export interface FailureStreak {
  readonly failures: number
  /** When the first of them came, in milliseconds since 1970. */
  readonly since: number
  /** When the last of them came. */
  readonly at: number
  /** Why the last of them failed. */
  readonly error: ChatError
}

/** Counts one more failure. @param now milliseconds since 1970 */
export function streakAfter(before: FailureStreak | undefined, error: ChatError, now: number): FailureStreak {
  return { failures: (before?.failures ?? 0) + 1, since: before?.since ?? now, at: now, error }
}
