export interface TimerOptions {
  /** True if the timer does not keep the process running. */
  readonly isBackground?: boolean
}

/** A timer that runs once, and can be moved or stopped. */
export interface Timer {
  /** Sets the timer, or moves it, to `ms` milliseconds from now. Moving it to a later time is very cheap. */
  feed(ms: number): void
  /** Stops the timer. It may be called more than once. */
  stop(): void
}

/** Sets the timers of all waits of the program. */
export interface Timers {
  /**
   * Calls `run` once, `ms` milliseconds from now, but at least 1. It never runs early, and at most a millisecond late.
   * @param run gets the milliseconds by which it is late. They are many if the process was suspended
   */
  set(ms: number, run: (lateMs: number) => void, options?: TimerOptions): Timer
  /** Number of timers that are set. */
  readonly size: number
  /** Number of those that keep the process running. */
  readonly keeping: number
}
