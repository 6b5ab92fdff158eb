import { NormalText } from './normal-text.ts'

/** What the model is asked to repeat, so that the place is found at which its new answer goes on. */
export interface Anchor {
  /** The end of the broken answer as it was said. */
  readonly text: string
  /** The same with normal white space. */
  readonly normal: string
  /** The shortest end of it that proves the place: long enough, and nowhere else in the answer. */
  readonly proof: string
}

/** Bytes that a proof has at least. A character of a script without an alphabet says more, and has more bytes. */
export const minProofBytes = 24
/** Characters that the model is asked to repeat, unless more are needed to find the place. */
const usualAnchor = 40
const maxAnchor = 400
/** Characters by which an anchor grows until it is unique, or until it begins with a whole word. */
const step = 8
/** Bytes of one UTF-16 unit in UTF-8. */
const maxBytesOfUnit = 3

/** The text of a broken answer, as far as the client has it. */
export class SaidText {
  readonly whole: string
  /** Half of a character at its end, which the client has. */
  readonly half: string
  /** The white space at its end, before the half. */
  readonly space: string
  /** The text without both. */
  readonly text: string
  /** `text` with normal white space. */
  readonly normal: string
  readonly anchor: Anchor | undefined

  constructor(whole: string) {
    this.whole = whole
    this.half = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : ''
    const complete = whole.slice(0, whole.length - this.half.length)
    this.text = complete.trimEnd()
    this.space = complete.slice(this.text.length)
    const positions = new NormalText(this.text)
    this.normal = positions.text
    this.anchor = this.#findAnchor(positions)
  }

  #findAnchor(positions: NormalText): Anchor | undefined {
    const { normal } = this
    const proof = proofOf(normal)
    if (proof === undefined) return undefined
    const earliest = Math.max(0, normal.length - Math.max(usualAnchor, proof.length))
    const start = wordBefore(normal, earliest)
    const from = start === 0 ? 0 : positions.originalLength(start)
    return { text: this.text.slice(from), normal: normal.slice(start), proof }
  }
}

/** Bytes of a text in UTF-8. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/** Returns the shortest end of a text that is long enough and occurs once; undefined if there is none. */
function proofOf(normal: string): string | undefined {
  const longest = Math.min(normal.length, maxAnchor)
  for (let length = minProofBytes / maxBytesOfUnit; length <= longest; ) {
    const end = normal.slice(-length)
    const isLong = bytesOf(end) >= minProofBytes
    if (isLong && normal.indexOf(end) === normal.length - length && !repeatsItself(end)) return end
    length += isLong ? step : 1
  }
  return undefined
}

/** Whether the beginning of a text is also its end, so that it may be repeated in two ways. */
export function repeatsItself(normal: string): boolean {
  const opening = normal.slice(0, minProofBytes / maxBytesOfUnit)
  const earliest = Math.max(1, normal.length - maxAnchor)
  for (let at = normal.indexOf(opening, earliest); at !== -1; at = normal.indexOf(opening, at + 1)) {
    const end = normal.slice(at)
    if (normal.startsWith(end) && bytesOf(end) >= minProofBytes) return true
  }
  return false
}

/** Returns the position of a word shortly before `at`, or of the character there. */
function wordBefore(normal: string, at: number): number {
  if (at === 0) return 0
  const space = normal.lastIndexOf(' ', at - 1)
  if (at - space <= 2 * step) return space + 1
  return isHighSurrogate(normal.charCodeAt(at - 1)) ? at - 1 : at
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
