import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'

/** Milliseconds between two looks. */
const lookMs = 100
/** A timer that is later than this shows that the event loop has more work than it can do. Milliseconds. */
const lateMs = 500
/** Milliseconds for which it must be late, because one long piece of work, or a sleep of the machine, is no overload. */
const patienceMs = 2_000

/** Tells whether the event loop has been late for a while. It looks only while calls run, so that an idle process stays idle. */
export class LoopDelay {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'timers'>
  readonly #onLook: (lateMs: number) => void
  #timer: Timer | undefined
  #isWatching = false
  #lateSince: number | undefined

  /** @param onLook gets by how much each look was late */
  constructor(runtime: Pick<Runtime, 'elapsed' | 'timers'>, onLook: (lateMs: number) => void = () => undefined) {
    this.#runtime = runtime
    this.#onLook = onLook
  }

  get isLate(): boolean {
    return this.#lateSince !== undefined && this.#runtime.elapsed() - this.#lateSince >= patienceMs
  }

  /** The first call has begun. */
  start(): void {
    this.#isWatching = true
    if (this.#timer) this.#timer.feed(lookMs)
    else this.#timer = this.#runtime.timers.set(lookMs, this.#look, { isBackground: true })
  }

  /** The last call has ended. */
  stop(): void {
    this.#isWatching = false
    this.#lateSince = undefined
    this.#timer?.stop()
  }

  readonly #look = (late: number): void => {
    this.#onLook(late)
    if (late < lateMs) this.#lateSince = undefined
    else this.#lateSince ??= this.#runtime.elapsed()
    if (this.#isWatching) this.#timer?.feed(lookMs)
  }
}
