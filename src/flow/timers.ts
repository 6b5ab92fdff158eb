export interface TimerOptions {
  /** Its wait does not keep the process running. */
  readonly isBackground?: boolean
}

/** A moment at which something is done. */
export interface Timer {
  /** Moves the moment to `ms` milliseconds from now, or sets it anew. Moving it away costs a number, not a timer. */
  feed(ms: number): void
  /** Takes the moment back. Stopping it twice does no harm. */
  stop(): void
}

/** Every wait of the program. */
export interface Timers {
  /**
   * Calls `run` once, `ms` milliseconds from now, at least one: up to a millisecond later, and never earlier.
   * @param run is told by how many milliseconds it is late: by many, where the process did not run
   */
  set(ms: number, run: (lateMs: number) => void, options?: TimerOptions): Timer
  /** How many are set. */
  readonly size: number
}
