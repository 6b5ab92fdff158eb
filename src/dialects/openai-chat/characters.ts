/** Text in whole characters, and the high surrogate at its end. */
export interface Characters {
  readonly text: string
  /** A high surrogate that waits for its other half, or an empty text. */
  readonly half: string
}

/**
 * Joins `half` and `text`, and takes off a high surrogate at the end, because its other half may come with the next delta.
 * Clients in other languages cannot join two halves again. A half that stays alone becomes U+FFFD.
 */
export function wholeCharacters(half: string, text: string): Characters {
  const joined = half === '' ? text : half + text
  const last = joined.charCodeAt(joined.length - 1)
  if (last >= 0xd800 && last <= 0xdbff) return { text: joined.slice(0, -1).toWellFormed(), half: joined.slice(-1) }
  return { text: joined.isWellFormed() ? joined : joined.toWellFormed(), half: '' }
}
