import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, Parameter } from '../../chat/request.ts'
import { withoutMarks } from '../../dialects/anthropic-messages/cache-marks.ts'
import { dialect } from '../../dialects/anthropic-messages/dialect.ts'
import type { ModelFacts } from '../../dialects/anthropic-messages/encode-request.ts'
import { adaptiveThinking } from '../../dialects/anthropic-messages/encode-thinking.ts'
import { isFields } from '../../dialects/fields.ts'
import type { Receipt } from '../../flow/call.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** How a member of the body is left out, and which refusals are about it. */
interface Reduction {
  readonly isIn: (body: Fields) => boolean
  readonly isMeant?: RegExp
  readonly without: (body: Fields, request: ChatRequest) => Fields
  /** The parameter of the client that is lost. */
  readonly loses?: Parameter
}

/**
 * What a client of another dialect did not ask for in this form. The newest models take no budget and no temperature, some take
 * only one of `temperature` and `top_p`, and the oldest do not think. Each refuses in its own words.
 */
const reductions: Readonly<Record<string, Reduction>> = {
  top_p: member('top_p', 'topP'),
  temperature: member('temperature', 'temperature'),
  budget_tokens: {
    isIn: hasBudget,
    isMeant: /thinking|budget_tokens/i,
    without: (body, { parameters: { reasoningEffort = 'medium' } }) => {
      const { thinking, output_config: effort } = adaptiveThinking(reasoningEffort)
      const others = isFields(body.output_config) ? body.output_config : {}
      return { ...body, thinking, output_config: { ...others, ...(isFields(effort) && effort) } }
    },
  },
  effort: {
    // an effort replaces a budget
    isIn: (body) => hasBudget(body) || (isFields(body.output_config) && body.output_config.effort !== undefined),
    isMeant: /\beffort\b/i,
    without: withoutEffort,
  },
  thinking: {
    isIn: ({ thinking }) => thinking !== undefined,
    isMeant: /thinking/i,
    without: ({ thinking: _, ...body }) => withoutEffort(body),
    loses: 'reasoningEffort',
  },
  cache_control: { isIn: hasMarks, without: withoutMarks },
}

/** What the refusals of a service say about its models. */
export interface LearnedFacts {
  factsOf(model: string): ModelFacts
  learn(model: string, facts: ModelFacts): void
}

/** A limit of the answer that is more than the model allows: `max_tokens: 8192 > 4096, which is the maximum …` */
const overLimit = /max_tokens: \d+ > (\d{1,9})\b/

/** The members that may be changed or left out if the service refuses them. A client of this dialect gets the refusal. */
export function addedFields(request: ChatRequest, receipt: Receipt, learned: LearnedFacts): AddedFields {
  const isOwn = request.dialect === dialect
  const { model } = request
  return {
    fields(body) {
      if (isOwn) return []
      return [...Object.keys(reductions).filter((name) => reductions[name]?.isIn(body)), 'max_tokens']
    },
    without(body, field) {
      if (field === 'max_tokens') return withinLimit(body, learned.factsOf(model).maxOutputTokens)
      const reduction = reductions[field]
      const name = reduction?.loses && request.spelling[reduction.loses]
      if (name) receipt.parameters.set(name, 'dropped')
      return reduction?.without(body, request) ?? body
    },
    keyOf: (field) => `${field} ${model}`,
    isMeant(field, refusal) {
      if (field !== 'max_tokens') return reductions[field]?.isMeant?.test(refusal)
      const [, limit] = overLimit.exec(refusal) ?? []
      if (limit !== undefined) learned.learn(model, { ...learned.factsOf(model), maxOutputTokens: Number(limit) })
      return limit !== undefined
    },
  }
}

/** A budget for thinking must stay below the limit. */
function withinLimit(body: Fields, limit = Number.POSITIVE_INFINITY): Fields {
  if (!(Number(body.max_tokens) > limit)) return body
  const { thinking, ...others } = body
  const isOver = isFields(thinking) && Number(thinking.budget_tokens) >= limit
  return { ...others, max_tokens: limit, ...(thinking !== undefined && !isOver && { thinking }) }
}

function member(name: string, loses: Parameter): Reduction {
  return {
    isIn: (body) => body[name] !== undefined,
    without: ({ [name]: _, ...body }) => body,
    loses,
  }
}

function hasBudget({ thinking }: Fields): boolean {
  return isFields(thinking) && thinking.type === 'enabled'
}

function withoutEffort({ output_config, ...body }: Fields): Fields {
  if (!isFields(output_config)) return body
  const { effort: _, ...others } = output_config
  return Object.keys(others).length > 0 ? { ...body, output_config: others } : body
}

/** The last message nearly always has a mark. */
function hasMarks({ messages }: Fields): boolean {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined
  return isFields(last) && JSON.stringify(last).includes('"cache_control"')
}
