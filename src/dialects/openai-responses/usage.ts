import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'

/** Writes a usage. Clients need all of its members, or none. */
export function encodeUsage(usage: Usage | undefined): Fields | null {
  if (!usage) return null
  const { inputTokens = 0, outputTokens = 0, totalTokens = inputTokens + outputTokens } = usage
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens ?? 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: totalTokens,
  }
}
