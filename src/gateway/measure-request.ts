import type { Usage } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { EmbeddingRequest, RelayRequest, Task } from '../chat/task.ts'
import type { AnswerUsage } from '../flow/call.ts'
import type { AnswerUse, RequestSize } from '../keys/key-meter.ts'
import type { Catalog } from './catalog.ts'
import type { CostOf } from './cost-of.ts'
import { countRequest } from './count-request.ts'
import { countTokens } from './count-tokens.ts'
import { usageOfInputs } from './layers/estimate-inputs.ts'
import type { Route, RouteNode } from './routes/route-tree.ts'

/** Tokens of an answer that are expected, unless the request allows fewer. */
const expectedOutput = 1_000
/** What counts for a reply that states no usage. */
const unstated: Usage = { inputTokens: 100, outputTokens: 0, source: 'estimate' }
/** The tasks whose price is not one of tokens. */
const untold: ReadonlySet<Task> = new Set<Task>(['image', 'speech', 'transcription', 'translation'])

interface MeasureOptions {
  readonly catalog: Pick<Catalog, 'routeNow'>
  readonly routes: readonly Route[]
  readonly costOf: CostOf
}

/** The models that may give one of the answers which a request asks for at once. */
type AnswerModels = readonly string[]

/** The answers of a route. What may be asked in place of something else makes no further answer. */
function answersOf(node: RouteNode): readonly AnswerModels[] {
  if (node.kind === 'model') return [[node.name]]
  const members = node.members.map(answersOf)
  if (node.kind === 'panel') return members.flat()
  const most = Math.max(...members.map(({ length }) => length))
  return Array.from({ length: most }, (_, at) => members.flatMap((answers) => answers[at] ?? []))
}

/** Says what requests are expected to use, for the limits of their callers. */
export class RequestMeasure {
  readonly #options: MeasureOptions
  readonly #answers: ReadonlyMap<string, readonly AnswerModels[]>

  constructor(options: MeasureOptions) {
    this.#options = options
    this.#answers = new Map(options.routes.map(({ name, tree }) => [name, answersOf(tree)]))
  }

  readonly ofChat = (request: ChatRequest): RequestSize => {
    const { model, parameters } = request
    const answers = this.#answersFor(model)
    // each member of a panel gives one of several choices
    const choices = answers.length > 1 ? 1 : (parameters.choices ?? 1)
    const outputTokens = Math.min(parameters.maxTokens ?? expectedOutput, expectedOutput) * choices
    return this.#of(answers, () => ({ inputTokens: countRequest(request), outputTokens, source: 'estimate' }))
  }

  readonly ofTask = (request: EmbeddingRequest | RelayRequest): RequestSize => {
    const answers = this.#answersFor(request.model)
    const size = this.#of(answers, () => ('inputs' in request ? usageOfInputs(request, countTokens) : unstated))
    return untold.has(request.task) ? { ...size, cost: () => undefined } : size
  }

  #answersFor(model: string): readonly AnswerModels[] {
    return this.#answers.get(model) ?? [[model]]
  }

  /** @param count counts what one answer is expected to use, if a limit needs it */
  #of(answers: readonly AnswerModels[], count: () => Usage): RequestSize {
    let counted: Usage | undefined
    const expected = () => {
      counted ??= count()
      return counted
    }
    return {
      requests: answers.length,
      tokens: () => answers.length * tokensOf(expected()),
      cost: () => sum(answers.map((models) => this.#dearest(models, expected()))),
    }
  }

  /** The highest cost of the upstreams that may serve one of the models; undefined if one has no known price. */
  #dearest(models: AnswerModels, usage: Usage): number | undefined {
    const { catalog, costOf } = this.#options
    const candidates = models.flatMap((model) => catalog.routeNow(model) ?? [])
    const costs = candidates.map(({ member, model }) => costOf({ upstream: member.upstream.name, model, usage }).usd)
    const known = costs.filter((cost) => cost !== undefined)
    return known.length === costs.length && known.length > 0 ? Math.max(...known) : undefined
  }
}

/** What needs no model of the gateway: a tool, or a model that the caller pays itself. */
export const freeRequest: RequestSize = { requests: 1, tokens: () => 0, cost: () => 0 }

/** What counts for an answer. */
export function useOf({ upstream, model, usage, cost }: AnswerUsage, costOf: CostOf): AnswerUse {
  if (usage) return { tokens: tokensOf(usage), cost: cost?.usd }
  return { tokens: tokensOf(unstated), cost: costOf({ upstream, model, usage: unstated }).usd }
}

function tokensOf({ totalTokens = 0, inputTokens = 0, outputTokens = 0 }: Usage): number {
  return Math.max(totalTokens, inputTokens + outputTokens)
}

function sum(costs: readonly (number | undefined)[]): number | undefined {
  const known = costs.filter((cost) => cost !== undefined)
  return known.length === costs.length ? known.reduce((total, cost) => total + cost, 0) : undefined
}
