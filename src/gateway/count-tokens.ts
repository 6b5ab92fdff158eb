/** Characters that are counted; a longer text is taken to go on as it began. */
const maxCounted = 200_000

/**
 * How many tokens a text has for OpenAI's models of today (o200k_base); for others an approximation. The tables (2 MB) are
 * loaded with the first text that is counted.
 */
export async function countTokens(text: string): Promise<number> {
  if (text === '') return 0
  const { countTokens: count } = await import('gpt-tokenizer/encoding/o200k_base')
  const counted = count(text.slice(0, maxCounted))
  return Math.round(text.length > maxCounted ? (counted * text.length) / maxCounted : counted)
}
