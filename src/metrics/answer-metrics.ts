import { operationName } from '../chat/operation-name.ts'
import type { AnswerListener } from '../gateway/call-record.ts'
import { counters, type Family, histogram, type Labels, type Sample } from './family.ts'
import { Histogram } from './histogram.ts'
import type { ModelNames } from './model-names.ts'
import type { MetricName } from './names.ts'
import { Rows } from './rows.ts'

/** Limits for the rows of counts and of histograms. */
const [maxCounts, maxSizes] = [1_000, 250]

/** The upper bounds of tokens. OpenTelemetry's conventions for generative AI */
const tokenBounds = Array.from({ length: 14 }, (_, at) => 4 ** at)

const kinds = ['input', 'cached_input', 'cache_write', 'output', 'reasoning'] as const

type Sums = Record<(typeof kinds)[number] | 'cost' | 'unpriced', number>

const sums = (): Sums => ({ input: 0, cached_input: 0, cache_write: 0, output: 0, reasoning: 0, cost: 0, unpriced: 0 })

/** Counts the tokens of answers, and what they cost. */
export class AnswerMetrics {
  readonly #models: ModelNames
  readonly #sums = new Rows({ labels: ['upstream', 'model', 'key', 'source'], max: maxCounts, create: sums })
  readonly #sizes = new Rows({
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'],
    max: maxSizes,
    create: () => ({ input: new Histogram(tokenBounds), output: new Histogram(tokenBounds) }),
  })

  constructor(models: ModelNames) {
    this.#models = models
  }

  readonly note: AnswerListener = ({ upstream, usage, cost, ...answer }, { caller }) => {
    const address = this.#models.labelOf(`${upstream}/${answer.model}`, { hasAnswered: true })
    const model = address.startsWith(`${upstream}/`) ? answer.model : address
    const row = this.#sums.of(upstream, model, caller.name, usage?.source ?? 'none')
    if (cost?.usd === undefined) row.unpriced++
    else row.cost += cost.usd
    if (!usage) return
    const {
      inputTokens = 0,
      cachedInputTokens = 0,
      cacheWriteTokens = 0,
      outputTokens = 0,
      reasoningTokens = 0,
    } = usage
    row.input += inputTokens
    row.cached_input += cachedInputTokens
    row.cache_write += cacheWriteTokens
    row.output += outputTokens
    row.reasoning += reasoningTokens
    const sizes = this.#sizes.of(operationName(answer.task), upstream, model)
    if (usage.inputTokens !== undefined) sizes.input.observe(inputTokens)
    if (usage.outputTokens !== undefined) sizes.output.observe(outputTokens)
  }

  families(): readonly Family[] {
    const sizes = this.#sizes.all.flatMap(({ labels, row }) => [
      { labels: { ...labels, gen_ai_token_type: 'input' }, row: row.input },
      { labels: { ...labels, gen_ai_token_type: 'output' }, row: row.output },
    ])
    return [
      histogram('gen_ai_client_token_usage', sizes),
      this.#counters('tributary_tokens', (labels, row) =>
        kinds.map((kind) => ({ labels: { ...labels, kind }, value: row[kind] })),
      ),
      this.#counters('tributary_cost_usd', (labels, { cost }) => [{ labels, value: cost }]),
      this.#counters('tributary_unpriced_answers', (labels, { unpriced }) => [{ labels, value: unpriced }]),
    ]
  }

  #counters(name: MetricName, samplesOf: (labels: Labels, row: Sums) => readonly Sample[]): Family {
    const samples = this.#sums.all.flatMap(({ labels, row }) => samplesOf(labels, row))
    return counters(
      name,
      samples.filter(({ value }) => value > 0),
    )
  }
}
