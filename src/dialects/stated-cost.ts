import type { Usage } from '../chat/event.ts'
import type { Fields } from '../chat/message.ts'
import { isFields } from './fields.ts'

/** xAI, Cost tracking */
const ticksPerDollar = 10_000_000_000
/** No answer costs more US dollars. */
const maxCost = 1_000_000

/**
 * Reads what an upstream charges from its usage object, in US dollars. With a key of one's own, OpenRouter charges its fee, and
 * the service behind it charges the inference (OpenRouter, Usage accounting).
 */
export function statedCost(wire: Fields): Pick<Usage, 'cost'> {
  const cost = costIn(wire)
  return cost === undefined || cost > maxCost ? {} : { cost }
}

function costIn({ cost, cost_details, is_byok, cost_in_usd_ticks, estimated_cost }: Fields): number | undefined {
  const ticks = amount(cost_in_usd_ticks) // xAI
  if (ticks !== undefined) return ticks / ticksPerDollar
  if (isFields(cost)) return amount(cost.total_cost) // Perplexity
  const charged = amount(cost) ?? amount(estimated_cost) // OpenRouter, DeepInfra
  const behind = is_byok === true && isFields(cost_details) ? (amount(cost_details.upstream_inference_cost) ?? 0) : 0
  return charged === undefined ? undefined : charged + behind
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}
