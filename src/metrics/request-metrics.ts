import { operationName } from '../chat/operation-name.ts'
import type { AttemptNote } from '../flow/attempt-note.ts'
import type { CallListener, CallRecord } from '../gateway/call-record.ts'
import { counter, type Family, histogram } from './family.ts'
import { Histogram } from './histogram.ts'
import type { ModelNames } from './model-names.ts'
import { Rows } from './rows.ts'

/** Limits for the rows of counts and of histograms. */
const [maxCounts, maxTimes] = [2_000, 250]

/** The upper bounds of the time for each token after the first, in seconds. OpenTelemetry's conventions for generative AI */
const perTokenBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
/** The upper bounds of the time to the first token, in seconds. The same source, with longer ones for models that think first. */
const firstTokenBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160]

const count = () => ({ count: 0 })

/** Counts the requests of clients, from the record of each call. */
export class RequestMetrics {
  readonly #models: ModelNames
  readonly #requests = new Rows({
    labels: ['surface', 'operation', 'model', 'upstream', 'key', 'outcome', 'status'],
    max: maxCounts,
    create: count,
  })
  readonly #durations = new Rows({
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'surface', 'error_type'],
    max: maxTimes,
    create: () => new Histogram(),
  })
  readonly #streams = new Rows({
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'surface'],
    max: maxTimes,
    create: () => ({ first: new Histogram(firstTokenBounds), perToken: new Histogram(perTokenBounds) }),
  })
  readonly #retries = new Rows({ labels: ['upstream', 'kind'], max: maxCounts, create: count })
  readonly #continuations = new Rows({ labels: ['from', 'to', 'way'], max: maxCounts, create: count })
  readonly #queued = new Histogram()
  #hedged = 0
  #cacheBreaks = 0

  constructor(models: ModelNames) {
    this.#models = models
  }

  readonly note: CallListener = (record) => {
    const { call, outcome, durationMs } = record
    const { surface = 'none', receipt, caller } = call
    const operation = operationName(record.task)
    const model = this.#models.labelOf(record.model, { hasAnswered: outcome === 'ok' })
    const upstream = receipt.upstream ?? 'none'
    this.#requests.of(surface, operation, model, upstream, caller.name, outcome, statusOf(record)).count++
    const error = outcome === 'ok' ? '' : outcome
    this.#durations.of(operation, upstream, model, surface, error).observe(durationMs / 1000)
    if (record.isStreamed && record.firstEventMs !== undefined)
      this.#noteStream(this.#streams.of(operation, upstream, model, surface), record, record.firstEventMs)
    this.#noteReceipt(record)
  }

  families(): readonly Family[] {
    const streams = this.#streams.all
    const first = streams.map(({ labels, row }) => ({ labels, row: row.first }))
    const perToken = streams.map(({ labels, row }) => ({ labels, row: row.perToken }))
    return [
      counter('tributary_requests', this.#requests),
      histogram('gen_ai_server_request_duration_seconds', this.#durations.all),
      histogram('gen_ai_server_time_to_first_token_seconds', first),
      histogram('gen_ai_server_time_per_output_token_seconds', perToken),
      counter('tributary_retries', this.#retries),
      counter('tributary_continuations', this.#continuations),
      counter('tributary_hedged_requests', this.#hedged),
      counter('tributary_prompt_cache_breaks', this.#cacheBreaks),
      histogram('tributary_queue_wait_seconds', [{ labels: {}, row: this.#queued }]),
    ]
  }

  #noteStream(
    { first, perToken }: StreamTimes,
    { outcome, usage, durationMs }: CallRecord,
    firstEventMs: number,
  ): void {
    first.observe(firstEventMs / 1000)
    const after = (usage?.outputTokens ?? 0) - 1
    if (outcome === 'ok' && after > 0) perToken.observe((durationMs - firstEventMs) / after / 1000)
  }

  #noteReceipt({ call: { receipt } }: CallRecord): void {
    if (receipt.queuedMs !== undefined) this.#queued.observe(receipt.queuedMs / 1000)
    if (receipt.cacheBrokenAt !== undefined) this.#cacheBreaks++
    if (receipt.isHedged) this.#hedged++
    for (const { from = 'unknown', to, way } of receipt.seams ?? []) this.#continuations.of(from, to, way).count++
    const { timeline } = receipt
    for (let at = 1; at < timeline.length; at++) this.#noteRetry(timeline[at - 1], timeline[at])
  }

  /** An attempt after a failed one that had shown nothing. If it had, the next one is a continuation. */
  #noteRetry(before: AttemptNote | undefined, next: AttemptNote | undefined): void {
    if (!before || !next || !hasFailed(before) || before.firstAt !== undefined) return
    if (before.endedAt === undefined || before.endedAt > next.startedAt) return
    this.#retries.of(next.upstream, before.upstream === next.upstream ? 'retry' : 'failover').count++
  }
}

interface StreamTimes {
  readonly first: Histogram
  readonly perToken: Histogram
}

/** The HTTP status that the outcome stands for, also if a stream had begun with 200. */
function statusOf({ ending }: CallRecord): string {
  if (ending.kind === 'failed') return String(ending.error.meaning.status)
  return ending.kind === 'done' ? '200' : '499'
}

function hasFailed({ outcome }: AttemptNote): boolean {
  return outcome !== undefined && outcome !== 'ok' && outcome !== 'not_needed'
}
