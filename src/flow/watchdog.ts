import type { Timer, Timers } from './timers.ts'

/**
 * A deadline for a peer's silence. Every sign of life moves it.
 *
 * Bytes that arrived in time count, even if this process was too late to read them: after the process was stopped, or the
 * machine slept, the timers are due while the sockets are full. So the sockets are read before the watchdog reports silence.
 */
export class Watchdog {
  readonly #onSilence: () => void
  readonly #timers: Timers
  #timer: Timer | undefined
  #limitMs = 0
  /** Whether the sockets were read since the deadline. */
  #hasReadSockets = false

  constructor(timers: Timers, onSilence: () => void) {
    this.#timers = timers
    this.#onSilence = onSilence
  }

  /** Reports silence `limitMs` milliseconds from now, unless it is fed or stopped before. */
  feed(limitMs: number): void {
    this.#limitMs = limitMs
    this.#hasReadSockets = false
    if (this.#timer) this.#timer.feed(limitMs)
    else this.#timer = this.#timers.set(limitMs, this.#onDue)
  }

  /** Stops it until it is fed again. */
  stop(): void {
    this.#timer?.stop()
  }

  readonly #onDue = (lateMs: number): void => {
    if (this.#hasReadSockets) {
      this.#onSilence()
      return
    }
    this.#hasReadSockets = true
    this.#timer?.feed(lateMs > sleptMs ? Math.min(this.#limitMs, catchUpMs) : readMs)
  }
}

/** Milliseconds. A timer that is so late shows that the process was suspended. */
const sleptMs = 500
/** Milliseconds. In this time the event loop reads the waiting bytes and passes them on. */
const readMs = 5
/** Milliseconds. After a sleep, peers get this time to go on, because they may have slept too. */
const catchUpMs = 5_000
