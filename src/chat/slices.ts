/** Splits a text into slices of at most `length` characters, never within a surrogate pair. */
export function* slicesOf(text: string, length: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const to = from + length
    const isWithin = to < text.length && isHighSurrogate(text.charCodeAt(to - 1))
    yield text.slice(from, isWithin ? to - 1 : to)
    from = isWithin ? to - 1 : to
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
