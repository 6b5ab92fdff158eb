/** A line, or the beginning and the end of a line that is too long to keep. */
export type BoundedLine =
  | { readonly kind: 'line'; readonly text: string }
  /** A line has grown over the limit. `head` is its beginning; the rest is skipped. */
  | { readonly kind: 'cut'; readonly head: string }
  /** A line that was cut has ended. `tail` is its end. */
  | { readonly kind: 'cut-end'; readonly tail: string }

const lf = 0x0a
const cr = 0x0d
const headBytes = 64 * 1024
const tailBytes = 1024
const nothing = new Uint8Array(0)

/**
 * Cuts bytes into lines. A line over the limit is reported as soon as it crosses it, and its rest is skipped.
 * A line ends in LF. With `anyEnd`, CR and CRLF end a line too, as in an event stream.
 */
export class BoundedLines {
  readonly #maxBytes: number
  readonly #anyEnd: boolean
  /** Pieces of an unfinished line. If the line was cut, they are one piece with its last bytes. */
  #pieces: Uint8Array[] = []
  #length = 0
  #isCut = false
  #endedInCr = false

  constructor({ maxBytes, anyEnd = false }: { readonly maxBytes: number; readonly anyEnd?: boolean }) {
    this.#maxBytes = maxBytes
    this.#anyEnd = anyEnd
  }

  /** Bytes of the unfinished line, skipped bytes included. */
  get length(): number {
    return this.#length
  }

  push(bytes: Uint8Array): BoundedLine[] {
    const found: BoundedLine[] = []
    let start = this.#endedInCr && bytes[0] === lf ? 1 : 0
    if (bytes.length > 0) this.#endedInCr = false
    let nextCr = this.#anyEnd ? bytes.indexOf(cr, start) : -1
    for (let nextLf = bytes.indexOf(lf, start); nextLf !== -1 || nextCr !== -1; ) {
      const isCr = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf)
      const end = isCr ? nextCr : nextLf
      this.#grow(bytes.subarray(start, end), found)
      found.push(this.#end())
      start = isCr && bytes[end + 1] === lf ? end + 2 : end + 1
      this.#endedInCr = isCr && start === bytes.length && bytes[end + 1] !== lf
      if (nextLf !== -1 && nextLf < start) nextLf = bytes.indexOf(lf, start)
      if (nextCr !== -1 && nextCr < start) nextCr = bytes.indexOf(cr, start)
    }
    this.#grow(bytes.subarray(start), found)
    return found
  }

  #grow(piece: Uint8Array, found: BoundedLine[]): void {
    this.#length += piece.length
    if (this.#isCut) this.#keepTail(piece)
    else if (piece.length > 0) this.#pieces.push(piece)
    if (this.#isCut || this.#length <= this.#maxBytes) return
    const whole = Buffer.concat(this.#pieces)
    found.push({ kind: 'cut', head: whole.toString('utf8', 0, headBytes) })
    this.#isCut = true
    this.#pieces = []
    this.#keepTail(whole)
  }

  #keepTail(piece: Uint8Array): void {
    const last = Buffer.concat([this.#pieces[0] ?? nothing, piece.subarray(-tailBytes)])
    // copied, because a view would keep the whole buffer in memory
    this.#pieces = [Uint8Array.from(last.subarray(-tailBytes))]
  }

  #end(): BoundedLine {
    const text = Buffer.concat(this.#pieces).toString()
    const line: BoundedLine = this.#isCut ? { kind: 'cut-end', tail: text } : { kind: 'line', text }
    this.#pieces = []
    this.#length = 0
    this.#isCut = false
    return line
  }
}
