/**
 * Pieces that are joined together. A short text may be a part of a longer one, such as the bytes of a chunk, which then stays in
 * memory as long as the short one.
 */
const maxLoose = 32

/** Gathers the pieces of a long text. */
export class GatheredText {
  #joined: string[] = []
  #loose: string[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  add(piece: string): void {
    this.#loose.push(piece)
    this.#length += piece.length
    if (this.#loose.length < maxLoose) return
    this.#joined.push(this.#loose.join(''))
    this.#loose = []
  }

  /** Returns the text, and begins with an empty one. */
  take(): string {
    const text = this.#joined.join('') + this.#loose.join('')
    this.#joined = []
    this.#loose = []
    this.#length = 0
    return text
  }
}
