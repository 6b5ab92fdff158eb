import { type AnyEvent, showsSomething } from '../../flow/begin.ts'
import type { Batch, Flow } from '../../flow/flow.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { CandidateTimes } from './response-times.ts'

/** Measures the time until an answer shows something, and how it ends before that. */
export function measure<Event extends AnyEvent>(
  answer: Flow<Event>,
  times: CandidateTimes,
  runtime: Pick<Runtime, 'elapsed'>,
): Flow<Event> {
  return watch(answer, new Measurement(times, runtime))
}

class Measurement<Event extends AnyEvent> implements Watcher<Event> {
  readonly #times: CandidateTimes
  readonly #runtime: Pick<Runtime, 'elapsed'>
  #startedAt: number | undefined
  #hasBegun = false

  constructor(times: CandidateTimes, runtime: Pick<Runtime, 'elapsed'>) {
    this.#times = times
    this.#runtime = runtime
  }

  onStart(): void {
    this.#startedAt = this.#runtime.elapsed()
    this.#times.running++
  }

  onBatch(batch: Batch<Event>): void {
    if (this.#hasBegun || !showsSomething(batch)) return
    this.#hasBegun = true
    this.#times.measure(this.#tookMs())
  }

  onEnd(ending: Ending): void {
    if (this.#startedAt === undefined) return
    this.#times.running--
    if (this.#hasBegun || ending.kind === 'done') return
    if (ending.kind === 'left') this.#times.noteLeft(this.#tookMs())
    else if (ending.error.meaning.retry === 'any') this.#times.measureFailure(this.#tookMs())
  }

  #tookMs(): number {
    return this.#runtime.elapsed() - (this.#startedAt ?? 0)
  }
}
