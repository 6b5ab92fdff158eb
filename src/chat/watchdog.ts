/**
 * A deadline that moves. Feeding it costs a clock reading, not a timer: the one timer it has is set again only when it
 * fires too early. So a stream of ten thousand events sets a handful of timers.
 *
 * What has come in time counts, even where this process was too late to see it: a process that was stopped, or a machine
 * that slept, finds its timers due and the bytes of minutes in its sockets. So before it barks, the sockets are read.
 */
export class Watchdog {
  readonly #onSilence: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #firesAt = 0
  #dueAt = 0
  #limitMs = 0
  /** Whether the sockets were read since the moment was due. */
  #isSure = false

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence
  }

  /** Barks `limitMs` milliseconds from now, unless fed or stopped before. */
  feed(limitMs: number): void {
    const now = performance.now()
    this.#dueAt = now + limitMs
    this.#limitMs = limitMs
    this.#isSure = false
    if (this.#timer && this.#firesAt <= this.#dueAt) return
    this.#arm(now, this.#dueAt)
  }

  /** Lets go of the timer; feeding it again starts it anew. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(now: number, firesAt: number): void {
    clearTimeout(this.#timer)
    this.#firesAt = firesAt
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(firesAt - now)))
  }

  #fire(): void {
    const now = performance.now()
    if (now < this.#dueAt) {
      this.#arm(now, this.#dueAt)
      return
    }
    if (!this.#isSure) {
      this.#isSure = true
      this.#arm(now, now + (now - this.#firesAt > sleptMs ? Math.min(this.#limitMs, catchUpMs) : readMs))
      return
    }
    this.#timer = undefined
    this.#onSilence()
  }
}

/** A timer that is so late says that the process did not run. Milliseconds, as all of these. */
const sleptMs = 500
/** Turns of the event loop enough to read what waits and to hand it through. */
const readMs = 5
/** After a sleep the time that passed is nobody's silence: peers, which may have slept too, get some to go on. */
const catchUpMs = 5_000
