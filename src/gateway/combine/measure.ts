import { type AnyEvent, showsSomething } from '../../flow/begin.ts'
import type { Batch, Flow } from '../../flow/flow.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { RecentFailures } from './recent-failures.ts'
import type { CandidateTimes } from './response-times.ts'

/** What learns from the answer of a candidate. */
export interface MeasuredCandidate {
  readonly upstream: string
  readonly times: CandidateTimes
  readonly failures: RecentFailures
}

/** Measures the time until an answer shows something, and how it ends before that. */
export function measure<Event extends AnyEvent>(
  answer: Flow<Event>,
  measured: MeasuredCandidate,
  runtime: Pick<Runtime, 'elapsed'>,
): Flow<Event> {
  return watch(answer, new Measurement(measured, runtime))
}

class Measurement<Event extends AnyEvent> implements Watcher<Event> {
  readonly #measured: MeasuredCandidate
  readonly #runtime: Pick<Runtime, 'elapsed'>
  #startedAt: number | undefined
  #hasBegun = false

  constructor(measured: MeasuredCandidate, runtime: Pick<Runtime, 'elapsed'>) {
    this.#measured = measured
    this.#runtime = runtime
  }

  onStart(): void {
    this.#startedAt = this.#runtime.elapsed()
    this.#measured.times.running++
  }

  onBatch(batch: Batch<Event>): void {
    if (this.#hasBegun || !showsSomething(batch)) return
    this.#hasBegun = true
    const { times, failures, upstream } = this.#measured
    times.measure(this.#tookMs())
    failures.noteSuccess(upstream)
  }

  onEnd(ending: Ending): void {
    if (this.#startedAt === undefined) return
    const { times, failures, upstream } = this.#measured
    times.running--
    if (this.#hasBegun || ending.kind !== 'failed') return
    if (ending.error.meaning.retry === 'any') times.measureFailure(this.#tookMs())
    if (ending.error.meaning.breaker) failures.noteFailure(upstream)
  }

  #tookMs(): number {
    return this.#runtime.elapsed() - (this.#startedAt ?? 0)
  }
}
