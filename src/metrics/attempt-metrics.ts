import { operationName } from '../chat/operation-name.ts'
import { chunkGapBounds } from '../flow/chunk-gaps.ts'
import type { AttemptListener } from '../gateway/call-record.ts'
import { counter, type Family, histogram } from './family.ts'
import { Histogram } from './histogram.ts'
import type { ModelNames } from './model-names.ts'
import { Rows } from './rows.ts'

/** Limits for the rows of counts and of histograms. */
const [maxCounts, maxTimes] = [1_000, 250]

/** Counts the requests to upstreams. */
export class AttemptMetrics {
  readonly #models: ModelNames
  readonly #attempts = new Rows({
    labels: ['upstream', 'model', 'outcome'],
    max: maxCounts,
    create: () => ({ count: 0 }),
  })
  readonly #durations = new Rows({
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'error_type'],
    max: maxTimes,
    create: () => new Histogram(),
  })
  readonly #chunks = new Rows({
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'],
    max: maxTimes,
    create: () => ({ first: new Histogram(), gaps: new Histogram(chunkGapBounds) }),
  })

  constructor(models: ModelNames) {
    this.#models = models
  }

  readonly note: AttemptListener = (attempt) => {
    const { upstream, startedAt, firstAt, gaps, endedAt = startedAt, outcome = 'ok' } = attempt
    const model = this.#labelOf(upstream, attempt.model, outcome === 'ok')
    this.#attempts.of(upstream, model, outcome).count++
    const operation = operationName(attempt.task)
    const error = outcome === 'ok' ? '' : outcome
    this.#durations.of(operation, upstream, model, error).observe((endedAt - startedAt) / 1000)
    if (firstAt === undefined) return
    const times = this.#chunks.of(operation, upstream, model)
    times.first.observe((firstAt - startedAt) / 1000)
    if (gaps) times.gaps.add(gaps.counts, gaps.sum)
  }

  families(): readonly Family[] {
    const chunks = this.#chunks.all
    const first = chunks.map(({ labels, row }) => ({ labels, row: row.first }))
    const gaps = chunks.map(({ labels, row }) => ({ labels, row: row.gaps }))
    return [
      counter('tributary_attempts', this.#attempts),
      histogram('gen_ai_client_operation_duration_seconds', this.#durations.all),
      histogram('gen_ai_client_operation_time_to_first_chunk_seconds', first),
      histogram('gen_ai_client_operation_time_per_output_chunk_seconds', gaps),
    ]
  }

  /** The upstream's own name of a model, which its list may have. */
  #labelOf(upstream: string, model: string, hasAnswered: boolean): string {
    const address = this.#models.labelOf(`${upstream}/${model}`, { hasAnswered })
    return address.startsWith(`${upstream}/`) ? model : address
  }
}
