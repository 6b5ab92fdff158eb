import type { Usage } from '../../chat/event.ts'
import { wholeCounts } from '../../chat/stated-usage.ts'
import type { CohereUsage } from './schema.ts'

/** Reads the usage. If only the billed tokens are known, they count; if nothing is known, there is no usage. */
export function decodeUsage({ tokens, billed_units: bill, cached_tokens: cached }: CohereUsage): Usage | undefined {
  const input = tokens?.input_tokens ?? bill?.input_tokens
  const output = tokens?.output_tokens ?? bill?.output_tokens
  if (input === undefined && output === undefined) return undefined
  const counts = wholeCounts({
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens: cached,
  })
  const known = counts.inputTokens !== undefined && counts.outputTokens !== undefined
  return {
    ...counts,
    ...(known && { totalTokens: counts.inputTokens + counts.outputTokens }),
    ...(bill && {
      billed: {
        ...(bill.input_tokens !== undefined && { inputTokens: bill.input_tokens }),
        ...(bill.output_tokens !== undefined && { outputTokens: bill.output_tokens }),
      },
    }),
    source: 'upstream',
  }
}
