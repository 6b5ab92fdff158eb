/** A text in which a run of white space counts as one space. It may grow, and it knows where its characters stand in the original. */
export class NormalText {
  #text = ''
  /** The end in the original of each character. */
  readonly #ends: number[] = []
  #length = 0

  constructor(original = '') {
    this.add(original)
  }

  get text(): string {
    return this.#text
  }

  add(original: string): void {
    const kept: string[] = []
    let isAfterSpace = this.#text.endsWith(' ')
    for (let at = 0; at < original.length; at++) {
      const isSpace = isWhite(original.charCodeAt(at))
      if (!(isSpace && isAfterSpace)) {
        kept.push(isSpace ? ' ' : original.charAt(at))
        this.#ends.push(this.#length + at + 1)
      }
      isAfterSpace = isSpace
    }
    this.#text += kept.join('')
    this.#length += original.length
  }

  /** The length of the original of the first `count` characters. White space after them is not part of it. */
  originalLength(count: number): number {
    return this.#ends[count - 1] ?? 0
  }
}

/** Whether a UTF-16 unit is white space. */
function isWhite(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d)
  return code < 0x2000 ? code === 0xa0 || code === 0x1680 : /\s/.test(String.fromCharCode(code))
}
