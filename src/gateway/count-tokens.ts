import { estimateTokenCount } from 'tokenx'

/** Characters that are looked at; a longer text is taken to go on as it began. */
const maxCounted = 200_000

/**
 * About how many tokens a text has: within some 5 % for English, more for code. A true tokenizer is true for one family of
 * models only, and its tables cost 80 MB and a fifth of a second in which no stream moves
 * (docs/decisions/0011-estimated-usage.md).
 */
export function countTokens(text: string, length = text.length): number {
  if (text === '') return 0
  const looked = text.slice(0, maxCounted)
  const counted = estimateTokenCount(looked)
  // its rules find no token in white space alone, where every tokenizer has one
  return Math.max(1, Math.round(length > looked.length ? (counted * length) / looked.length : counted))
}
