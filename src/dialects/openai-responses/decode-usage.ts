import type { Usage } from '../../chat/event.ts'
import { readCount } from '../../chat/stated-usage.ts'
import { isFields } from '../fields.ts'
import { statedCost } from '../stated-cost.ts'

/** Reads a usage. The input includes the tokens of the cache, and the output those of the reasoning. */
export function decodeUsage(wire: unknown): Usage | undefined {
  if (!isFields(wire)) return undefined
  const [inputs, outputs] = [fieldsIn(wire.input_tokens_details), fieldsIn(wire.output_tokens_details)]
  const counts = {
    inputTokens: readCount(wire.input_tokens),
    cachedInputTokens: readCount(inputs.cached_tokens),
    cacheWriteTokens: readCount(inputs.cache_write_tokens),
    outputTokens: readCount(wire.output_tokens),
    reasoningTokens: readCount(outputs.reasoning_tokens),
    totalTokens: readCount(wire.total_tokens),
  }
  const stated = Object.entries(counts).filter(([, count]) => count !== undefined)
  return stated.length > 0 ? { ...Object.fromEntries(stated), ...statedCost(wire), source: 'upstream' } : undefined
}

function fieldsIn(value: unknown) {
  return isFields(value) ? value : {}
}
