import type { AskedModel } from '../../chat/model.ts'
import { dialect as chatDialect } from '../../dialects/openai-chat/dialect.ts'
import { dialect as responsesDialect } from '../../dialects/openai-responses/dialect.ts'

/** OpenAI's APIs that answer chats: Chat Completions and Responses. */
export type OpenaiApi = 'chat' | 'responses'

export interface ApiOptions {
  /** The APIs that the service has, the usual one first. */
  readonly apis: readonly [OpenaiApi, ...OpenaiApi[]]
  /** Models that only the Responses API has, such as `gpt-5*-pro`. */
  readonly responsesModels: readonly string[]
}

/** Limit for the models that are remembered. */
const mostModels = 1_024

/** Chooses the API for each request. A client of one of them gets its own, if the service has both. */
export class ApiChoice {
  readonly #usual: OpenaiApi
  readonly #hasBoth: boolean
  readonly #responsesModels: RegExp | undefined
  readonly #learned = new Set<string>()

  constructor({ apis, responsesModels }: ApiOptions) {
    this.#usual = apis[0]
    this.#hasBoth = apis.length > 1
    this.#responsesModels = responsesModels.length > 0 ? patternOf(responsesModels) : undefined
  }

  of({ model, dialect }: AskedModel): OpenaiApi {
    if (this.#learned.has(model) || this.#responsesModels?.test(model)) return 'responses'
    if (this.#hasBoth && dialect === responsesDialect) return 'responses'
    return this.#hasBoth && dialect === chatDialect ? 'chat' : this.#usual
  }

  /** Learns from a refusal of Chat Completions that only the other API has a model. @returns whether it says so */
  learn(model: string, refusal: string): boolean {
    if (!onlyResponses.test(refusal)) return false
    if (this.#learned.size >= mostModels) this.#learned.clear()
    this.#learned.add(model)
    return true
  }
}

/**
 * `This model is only supported in v1/responses and not in v1/chat/completions.` `Function tools with reasoning_effort are not
 * supported for … in /v1/chat/completions. Please use /v1/responses instead.` OpenAI, Chat Completions
 */
const onlyResponses = /(only supported in|please use|use the) \/?v1\/responses/i

/** Makes one expression of names in which `*` stands for any characters. */
function patternOf(names: readonly string[]): RegExp {
  const each = names.map((name) => name.split('*').map(escaped).join('.*'))
  return new RegExp(`^(?:${each.join('|')})$`, 'i')
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
