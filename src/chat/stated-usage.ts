import type { Usage } from './event.ts'

/** The numbers of a usage. */
export type TokenCounts = Pick<
  Usage,
  'inputTokens' | 'cachedInputTokens' | 'cacheWriteTokens' | 'outputTokens' | 'reasoningTokens' | 'totalTokens'
>

/** The numbers as an upstream states them. Those that it does not state are undefined. */
export type StatedCounts = { readonly [Name in keyof TokenCounts]: TokenCounts[Name] | undefined }

/** The counts that a dialect keeps apart from the input or the output. The others are included in them. */
export interface CountedBeside {
  /** Tokens of the cache are counted apart from the input, as at Anthropic. */
  readonly cache?: boolean
  /** Reasoning is counted apart from the output, as at Gemini. */
  readonly reasoning?: boolean
}

/** Reads a number of tokens, which may be written as text; undefined for any other value. */
export function readCount(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

/**
 * Converts an upstream's numbers to those of a `Usage`: the input includes the cache, and the output includes the
 * reasoning. Upstreams of one dialect differ in whether theirs do. A stated total shows it. So does the size, because
 * no part is larger than its whole. xAI adds the reasoning to the total only (xAI, Consumption and rate limits), and
 * so do proxies of Gemini; proxies of Anthropic leave out the cache.
 * @param usual decides if neither the total nor the size does
 */
export function wholeCounts(stated: StatedCounts, usual: CountedBeside = {}): TokenCounts {
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens, cacheWriteTokens, reasoningTokens } = stated
  const cache = (cachedInputTokens ?? 0) + (cacheWriteTokens ?? 0)
  const inputs = readings(inputTokens, cache, usual.cache)
  const outputs = readings(outputTokens, reasoningTokens ?? 0, usual.reasoning)
  const pairs = inputs.flatMap((input) => outputs.map((output) => ({ input, output })))
  const { input = 0, output = 0 } = pairs.find((pair) => pair.input + pair.output === totalTokens) ?? pairs[0] ?? {}
  return {
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(cacheWriteTokens !== undefined && { cacheWriteTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
    ...(inputTokens !== undefined && { inputTokens: input }),
    ...(outputTokens !== undefined && { outputTokens: output }),
    // a total that is less than the sum lacks the tokens that were added to the input or the output above
    ...(totalTokens !== undefined && { totalTokens: Math.max(totalTokens, input + output) }),
  }
}

/** The numbers that a whole can have, the usual one first. A part that is larger than the whole must be counted apart from it. */
function readings(whole: number | undefined, part: number, isBeside = false): readonly number[] {
  if (whole === undefined || part === 0) return [whole ?? 0]
  if (part > whole) return [whole + part]
  return isBeside ? [whole + part, whole] : [whole, whole + part]
}
