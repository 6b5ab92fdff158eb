import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { WireTurn } from './encode-messages.ts'
import { mustCall } from './encode-tools.ts'

/** The tokens of thinking for an effort, for models that take no effort. Another word means the usual budget. */
const budgets: Readonly<Record<string, number>> = {
  minimal: 1_024,
  low: 4_096,
  high: 16_384,
  xhigh: 31_999,
  max: 31_999,
}
const usualBudget = 8_192
/** Anthropic, Extended thinking: the smallest budget. */
const minBudget = 1_024

/** The tokens for an effort, if the answer may have this many tokens in all. Returns undefined if there is no room. */
export function budgetFor(effort: string, maxTokens = Number.POSITIVE_INFINITY): number | undefined {
  if (maxTokens <= minBudget) return undefined
  // a quarter is left for the words of the answer
  return Math.min(budgets[effort] ?? usualBudget, Math.max(minBudget, Math.floor(maxTokens * 0.75)))
}

export interface Thinking {
  readonly maxTokens: number
  /** Whether the model decides itself how much it thinks, and takes an effort in place of a budget. */
  readonly isAdaptive: boolean
  readonly messages: readonly WireTurn[]
}

/** Writes a reasoning effort. Anthropic refuses thinking if the model must call a tool. */
export function encodeThinking(request: ChatRequest, { maxTokens, isAdaptive, messages }: Thinking): Fields {
  const { reasoningEffort: effort } = request.parameters
  if (effort === undefined) return {}
  if (effort === 'none') return { thinking: { type: 'disabled' } }
  if (mustCall(request)) return {}
  if (isAdaptive) return adaptiveThinking(effort)
  const budget = budgetFor(effort, maxTokens)
  if (budget === undefined || lacksThinking(messages)) return {}
  return { thinking: { type: 'enabled', budget_tokens: budget } }
}

/** What the newer models take in place of a budget. */
export function adaptiveThinking(effort: string): Fields {
  return { thinking: { type: 'adaptive' }, output_config: { effort: effort === 'minimal' ? 'low' : effort } }
}

/**
 * Whether the newest turn has calls, but not the thinking before them, because the client's dialect cannot express a signature.
 * With a budget, Anthropic refuses such a turn.
 */
function lacksThinking(messages: readonly WireTurn[]): boolean {
  const answer = messages.findLast(({ role }) => role === 'assistant')
  if (!answer?.content.some(({ type }) => type === 'tool_use')) return false
  const first = answer.content[0]?.type
  return first !== 'thinking' && first !== 'redacted_thinking'
}
