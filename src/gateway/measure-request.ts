import type { Usage } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { EmbeddingRequest, RelayRequest } from '../chat/task.ts'
import type { Catalog } from './catalog.ts'
import { countRequest } from './count-request.ts'
import { countTokens } from './count-tokens.ts'
import type { MeasuredRequest } from './layers/caller-limits.ts'
import type { Route, RouteNode } from './routes/route-tree.ts'
import { titleOf } from './routes/write-route.ts'

/** An answer of an upstream. */
export interface ServedAnswer {
  readonly upstream: string
  /** The upstream's name of the model. */
  readonly model: string
  readonly usage: Usage
}

/** What an answer cost, in US dollars; undefined if that is not known. */
export type CostOf = (served: ServedAnswer) => number | undefined

/** Tokens of an answer that are expected, unless the request allows fewer. */
const expectedOutput = 1_000
/** Tokens of a body that is relayed, and not read. */
const ofRelayed = 100

interface MeasureOptions {
  readonly catalog: Pick<Catalog, 'routeNow'>
  readonly routes: readonly Route[]
  readonly costOf: CostOf
}

/** One of the answers that a request asks for at once. */
interface MeasuredModel {
  readonly title: string
  /** The models that may give it. */
  readonly names: readonly string[]
}

/** The answers of a route. What may be asked in place of something else makes no further answer. */
function answersOf(node: RouteNode): readonly MeasuredModel[] {
  if (node.kind === 'model') return [{ title: titleOf(node), names: [node.name] }]
  const members = node.members.map(answersOf)
  if (node.kind === 'panel') return members.flatMap((answers, at) => withTitle(answers, node.members[at]))
  const most = members.reduce((longest, answers) => (answers.length > longest.length ? answers : longest), [])
  return most.map(({ title }, at) => ({ title, names: members.flatMap((answers) => answers[at]?.names ?? []) }))
}

/** A member that is no panel itself has its own header. */
function withTitle(answers: readonly MeasuredModel[], node: RouteNode | undefined): readonly MeasuredModel[] {
  const [only] = answers
  return only && node && answers.length === 1 ? [{ ...only, title: titleOf(node) }] : answers
}

/** Says what requests are expected to use, and what they cost, for the limits of their callers. */
export class RequestMeasure {
  readonly #options: MeasureOptions
  readonly #members: ReadonlyMap<string, readonly MeasuredModel[]>

  constructor(options: MeasureOptions) {
    this.#options = options
    this.#members = new Map(options.routes.map(({ name, tree }) => [name, answersOf(tree)]))
  }

  readonly ofChat = (request: ChatRequest): MeasuredRequest => {
    const { model, parameters } = request
    const members = this.#members.get(model) ?? [{ names: [model], title: '' }]
    // each member of a panel gives one of several choices
    const choices = members.length > 1 ? 1 : (parameters.choices ?? 1)
    const outputTokens = Math.min(parameters.maxTokens ?? expectedOutput, expectedOutput) * choices
    return this.#of(members, () => ({ inputTokens: countRequest(request), outputTokens, source: 'estimate' }))
  }

  readonly ofTask = (request: EmbeddingRequest | RelayRequest): MeasuredRequest =>
    this.#of(this.#members.get(request.model) ?? [{ names: [request.model], title: '' }], () => ({
      inputTokens: 'inputs' in request ? countInputs(request) : ofRelayed,
      source: 'estimate',
    }))

  /** @param count counts what one member is expected to use, with the first request for it */
  #of(members: readonly MeasuredModel[], count: () => Usage): MeasuredRequest {
    let counted: Usage | undefined
    const expected = () => {
      counted ??= count()
      return counted
    }
    return {
      requests: members.length,
      tokens: () => members.length * ((expected().inputTokens ?? 0) + (expected().outputTokens ?? 0)),
      cost: () => sum(members.map(({ names }) => this.#dearest(names, expected()))),
      costOf: (usage, { receipt }) => this.#costOf(members, usage, receipt.upstream),
    }
  }

  #costOf(members: readonly MeasuredModel[], usage: Usage, upstream: string | undefined): number | undefined {
    const [only] = members
    if (only && members.length === 1) return this.#dearest(only.names, usage, upstream)
    const shares = (usage.shares ?? []).map((share) => {
      const member = members.find(({ title }) => title === share.title)
      return member && this.#dearest(member.names, share.usage)
    })
    return shares.length > 0 ? sum(shares) : undefined
  }

  /** The highest cost of the upstreams that may serve the model, or of the one that has. */
  #dearest(names: readonly string[], usage: Usage, upstream?: string): number | undefined {
    const candidates = names.flatMap((name) => this.#options.catalog.routeNow(name) ?? [])
    const named = candidates.filter(({ member }) => member.upstream.name === upstream)
    const served = named.length > 0 ? named : candidates
    const costs = served.map(({ member, model }) =>
      this.#options.costOf({ upstream: member.upstream.name, model, usage }),
    )
    return costs.reduce<number | undefined>(
      (most, cost) => (most === undefined || cost === undefined ? undefined : Math.max(most, cost)),
      costs.length > 0 ? 0 : undefined,
    )
  }
}

/** What calls a tool asks no model. */
export const toolMeasure: MeasuredRequest = { requests: 1, tokens: () => 0, cost: () => 0, costOf: () => 0 }

function sum(costs: readonly (number | undefined)[]): number | undefined {
  return costs.reduce<number | undefined>(
    (total, cost) => (total === undefined || cost === undefined ? undefined : total + cost),
    0,
  )
}

function countInputs({ inputs }: EmbeddingRequest): number {
  return inputs.reduce((tokens, input) => tokens + (typeof input === 'string' ? countTokens(input) : input.length), 0)
}
