/** A text whose `%` codes are replaced by what they stand for; undefined if one of them is wrong. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
