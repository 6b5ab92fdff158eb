import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'

/** Milliseconds between two lines about failures. */
const quietMs = 60_000

/** Says in the log that traces cannot be sent, and that they can again. It says it once a minute at most. */
export class ExportReport {
  readonly #log: Logger
  readonly #runtime: Pick<Runtime, 'elapsed'>
  #lastAt = Number.NEGATIVE_INFINITY
  #lost = 0
  #isFailing = false

  constructor(log: Logger, runtime: Pick<Runtime, 'elapsed'>) {
    this.#log = log
    this.#runtime = runtime
  }

  /** A span was dropped, because too many wait. */
  noteDropped(): void {
    this.#lost++
    this.#warn('too many wait to be sent')
  }

  /** The collector has taken an export, but not these spans of it. */
  noteRefused(spans: number): void {
    this.#lost += spans
    this.#warn('the collector refuses some of them')
  }

  /** @param why a sentence without secrets */
  noteFailure(why: string, spans: number): void {
    this.#lost += spans
    this.#isFailing = true
    this.#warn(why)
  }

  noteSuccess(): void {
    if (!this.#isFailing) return
    this.#isFailing = false
    this.#lastAt = Number.NEGATIVE_INFINITY
    this.#log.info(this.#takeLost(), 'traces are sent again')
  }

  #warn(why: string): void {
    const now = this.#runtime.elapsed()
    if (now - this.#lastAt < quietMs) return
    this.#lastAt = now
    this.#log.warn({ why, ...this.#takeLost() }, 'traces are lost')
  }

  #takeLost(): { readonly spans: number } {
    const spans = this.#lost
    this.#lost = 0
    return { spans }
  }
}
