import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { readCount } from '../../chat/stated-usage.ts'
import { isFields, rest } from '../fields.ts'
import { statedCost } from '../stated-cost.ts'
import { dialect } from './dialect.ts'

/** The members that our vocabulary expresses. */
const known = [
  'input_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
  'output_tokens',
  'output_tokens_details',
]

/**
 * Writes a usage. Anthropic counts the tokens that were read from a cache or written to one apart from the others. An unknown
 * number is zero, because clients require it.
 */
export function encodeUsage(usage: Usage = { source: 'estimate' }): Fields {
  const { inputTokens = 0, cachedInputTokens, cacheWriteTokens, outputTokens = 0, reasoningTokens, native } = usage
  const fresh = inputTokens - (cachedInputTokens ?? 0) - (cacheWriteTokens ?? 0)
  return {
    input_tokens: Math.max(0, fresh),
    cache_creation_input_tokens: cacheWriteTokens ?? 0,
    cache_read_input_tokens: cachedInputTokens ?? 0,
    output_tokens: outputTokens,
    ...(reasoningTokens !== undefined && { output_tokens_details: { thinking_tokens: reasoningTokens } }),
    ...(native?.dialect === dialect && rest(native.value, known)),
  }
}

/** Reads a usage. The input of our vocabulary includes the tokens of the cache. Returns undefined if nothing is counted. */
export function decodeUsage(wire: Fields): Usage | undefined {
  const [fresh, output] = [readCount(wire.input_tokens), readCount(wire.output_tokens)]
  if (fresh === undefined && output === undefined) return undefined
  const cached = readCount(wire.cache_read_input_tokens)
  const written = readCount(wire.cache_creation_input_tokens)
  const hour = isFields(wire.cache_creation) ? readCount(wire.cache_creation.ephemeral_1h_input_tokens) : undefined
  const details = wire.output_tokens_details
  const thinking = isFields(details) ? readCount(details.thinking_tokens) : undefined
  const input = fresh === undefined ? undefined : fresh + (cached ?? 0) + (written ?? 0)
  return {
    ...(input !== undefined && { inputTokens: input }),
    ...(output !== undefined && { outputTokens: output }),
    ...(input !== undefined && output !== undefined && { totalTokens: input + output }),
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(written !== undefined && { cacheWriteTokens: written }),
    ...(hour !== undefined && { longCacheWriteTokens: hour }),
    ...(thinking !== undefined && { reasoningTokens: thinking }),
    ...statedCost(wire),
    source: 'upstream',
    // the rest, such as the requests of server tools, is for clients of this dialect
    ...(rest(wire, known) && { native: { dialect, form: 'whole', value: wire } }),
  }
}

/** Whether a usage has the number that every client of this dialect reads. */
export function hasCount(usage: unknown, name: 'input_tokens' | 'output_tokens'): boolean {
  return isFields(usage) && typeof usage[name] === 'number'
}
