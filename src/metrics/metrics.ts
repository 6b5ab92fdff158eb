import type { Runtime } from '../flow/runtime.ts'
import type { CallListeners } from '../gateway/call-record.ts'
import type { ProcessUse } from '../wire/process-use.ts'
import { AnswerMetrics } from './answer-metrics.ts'
import { AttemptMetrics } from './attempt-metrics.ts'
import type { Family } from './family.ts'
import { chooseFormat } from './format.ts'
import { ModelNames } from './model-names.ts'
import { PartMetrics } from './part-metrics.ts'
import { processFamilies } from './process-metrics.ts'
import { type MetricSources, programFamilies } from './program-metrics.ts'
import { RequestMetrics } from './request-metrics.ts'
import { type WrittenMetrics, writeMetrics } from './write-metrics.ts'

export interface MetricsOptions {
  /** Whether the catalog knows the name of a model now. */
  isListed(model: string): boolean
  /** Measures what the process uses; absent where nobody can. */
  readonly measureProcess?: (() => ProcessUse) | undefined
  /**
   * The metrics of all processes of `WORKERS`, each with the label `worker`, of which this one's are given; absent if there is only
   * one. A process that does not answer in time is missing.
   */
  readonly ofAllWorkers?: ((own: readonly Family[]) => Promise<readonly (readonly Family[])[]>) | undefined
  readonly runtime: Pick<Runtime, 'now'>
}

/** Counts what happens, and shows it together with the state of the program (docs/metrics.md). */
export class Metrics {
  readonly parts = new PartMetrics()
  readonly listeners: CallListeners
  readonly #options: MetricsOptions
  readonly #counts: readonly { families(): readonly Family[] }[]
  readonly #startedAt: number
  #sources: MetricSources | undefined

  constructor(options: MetricsOptions) {
    const models = new ModelNames(options.isListed)
    const requests = new RequestMetrics(models)
    const attempts = new AttemptMetrics(models)
    const answers = new AnswerMetrics(models)
    this.#options = options
    this.#counts = [requests, attempts, answers, this.parts]
    this.#startedAt = options.runtime.now()
    this.listeners = { onCallEnd: requests.note, onAttempt: attempts.note, onAnswer: answers.note }
  }

  /** Shows the state of these parts too. They are opened after those that tell what happens. */
  show(sources: MetricSources): void {
    this.#sources = sources
  }

  /** The metrics of this process. */
  families(): readonly Family[] {
    return [
      ...this.#counts.flatMap((counted) => counted.families()),
      ...(this.#sources ? programFamilies(this.#sources) : []),
      ...processFamilies(this.#options.measureProcess?.(), this.#startedAt),
    ]
  }

  /** Writes the metrics of this process, and of the others of `WORKERS`. @param accept the header of the request */
  async write(accept: string | undefined): Promise<WrittenMetrics> {
    const own = this.families()
    const { ofAllWorkers } = this.#options
    return writeMetrics(ofAllWorkers ? await ofAllWorkers(own) : [own], chooseFormat(accept))
  }
}
