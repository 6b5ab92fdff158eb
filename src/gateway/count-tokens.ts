import { estimateTokenCount } from 'tokenx'

/** Limit for the characters that are counted. The rest of a longer text counts as similar. */
const maxCounted = 200_000

/**
 * Estimates the number of tokens of a text. The error is about 5 % for English, and larger for code. A true tokenizer
 * is exact for one family of models only, and its tables take 80 MB and block all streams for a fifth of a second
 * (docs/decisions/0011-estimated-usage.md).
 */
export function countTokens(text: string, length = text.length): number {
  if (text === '') return 0
  const beginning = text.slice(0, maxCounted)
  const counted = estimateTokenCount(beginning)
  // the estimate finds no token in white space alone, but every tokenizer finds at least one there
  return Math.max(1, Math.round(length > beginning.length ? (counted * length) / beginning.length : counted))
}
