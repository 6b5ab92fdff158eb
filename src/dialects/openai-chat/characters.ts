/** Text in whole characters, and the half of one that it ended in. */
export interface Characters {
  readonly text: string
  readonly half: string
}

/**
 * `half` and `text` joined, without a high surrogate at the end: the other half of that character may come with the next
 * delta. A reader in another language than ours cannot put two halves together again (reliability, item 28).
 * A half that stands alone for good becomes U+FFFD.
 */
export function wholeCharacters(half: string, text: string): Characters {
  const joined = half === '' ? text : half + text
  const last = joined.charCodeAt(joined.length - 1)
  if (last >= 0xd800 && last <= 0xdbff) return { text: joined.slice(0, -1).toWellFormed(), half: joined.slice(-1) }
  return { text: joined.isWellFormed() ? joined : joined.toWellFormed(), half: '' }
}
