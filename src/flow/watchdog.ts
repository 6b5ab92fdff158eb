import type { Timer, Timers } from './timers.ts'

/**
 * A deadline for a peer's silence, which moves whenever the peer is heard.
 *
 * What has come in time counts, even where this process was too late to see it: a process that was stopped, or a machine
 * that slept, finds its timers due and the bytes of minutes in its sockets. So before it barks, the sockets are read.
 */
export class Watchdog {
  readonly #onSilence: () => void
  readonly #timers: Timers
  #timer: Timer | undefined
  #limitMs = 0
  /** Whether the sockets were read since the moment was due. */
  #isSure = false

  constructor(timers: Timers, onSilence: () => void) {
    this.#timers = timers
    this.#onSilence = onSilence
  }

  /** Barks `limitMs` milliseconds from now, unless fed or stopped before. */
  feed(limitMs: number): void {
    this.#limitMs = limitMs
    this.#isSure = false
    if (this.#timer) this.#timer.feed(limitMs)
    else this.#timer = this.#timers.set(limitMs, this.#onDue)
  }

  /** It does not bark until it is fed again. */
  stop(): void {
    this.#timer?.stop()
  }

  readonly #onDue = (lateMs: number): void => {
    if (this.#isSure) {
      this.#onSilence()
      return
    }
    this.#isSure = true
    this.#timer?.feed(lateMs > sleptMs ? Math.min(this.#limitMs, catchUpMs) : readMs)
  }
}

/** A timer that is so late says that the process did not run. Milliseconds, as all of these. */
const sleptMs = 500
/** Turns of the event loop enough to read what waits and to hand it through. */
const readMs = 5
/** After a sleep the time that passed is nobody's silence: peers, which may have slept too, get some to go on. */
const catchUpMs = 5_000
