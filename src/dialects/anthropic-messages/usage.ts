import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'

/**
 * Writes a usage. Anthropic counts the tokens that were read from a cache or written to one apart from the others. An unknown
 * number is zero, because clients require it.
 */
export function encodeUsage(usage: Usage = { source: 'estimate' }): Fields {
  const { inputTokens = 0, cachedInputTokens, cacheWriteTokens, outputTokens = 0, reasoningTokens } = usage
  const fresh = inputTokens - (cachedInputTokens ?? 0) - (cacheWriteTokens ?? 0)
  return {
    input_tokens: Math.max(0, fresh),
    cache_creation_input_tokens: cacheWriteTokens ?? 0,
    cache_read_input_tokens: cachedInputTokens ?? 0,
    output_tokens: outputTokens,
    ...(reasoningTokens !== undefined && { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  }
}
