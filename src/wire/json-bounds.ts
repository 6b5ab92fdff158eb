/** Limits for a JSON text, so that the cost of reading it depends on its size alone. */
export interface JsonBounds {
  /** Brackets inside each other. */
  readonly depth: number
  /** Values in all. */
  readonly values: number
  /** Members of one object. */
  readonly members: number
  /** Items of one list. */
  readonly items: number
}

/** Which bound was crossed. */
export type CrossedBound = keyof JsonBounds

/** Far above any real request: the longest conversations have some ten thousand values. */
export const jsonBounds: JsonBounds = { depth: 64, values: 200_000, members: 50_000, items: 100_000 }

/** Counts the values and the depth of a JSON text as it is read. */
export class JsonCount {
  readonly #bounds: JsonBounds
  /** For each open bracket: whether it is a list, and how many commas it has. */
  readonly #isList: boolean[] = []
  readonly #commas: number[] = []
  #values = 1

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds
  }

  open(isList: boolean): CrossedBound | undefined {
    this.#isList.push(isList)
    this.#commas.push(0)
    if (this.#isList.length > this.#bounds.depth) return 'depth'
    return this.#value()
  }

  close(): void {
    this.#isList.pop()
    this.#commas.pop()
  }

  comma(): CrossedBound | undefined {
    const at = this.#commas.length - 1
    const commas = (this.#commas[at] ?? 0) + 1
    this.#commas[at] = commas
    if (this.#isList[at] && commas >= this.#bounds.items) return 'items'
    if (!this.#isList[at] && commas >= this.#bounds.members) return 'members'
    return this.#value()
  }

  #value(): CrossedBound | undefined {
    return ++this.#values > this.#bounds.values ? 'values' : undefined
  }
}

export interface JsonScan {
  readonly crossed?: CrossedBound
  /** Whether the text may have a number that loses digits when it is parsed. */
  readonly hasLongNumber: boolean
}

/** A number with at most this many digits loses none. */
const safeDigits = 15

/** Scans JSON text before it is parsed. It skips strings, and leaves invalid JSON to the parser. */
export function scanJson(text: string, bounds: JsonBounds = jsonBounds): JsonScan {
  const count = new JsonCount(bounds)
  let hasLongNumber = false
  let digits = 0
  let isFraction = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x30 && code <= 0x39) {
      if (++digits > safeDigits && !isFraction) hasLongNumber = true
      continue
    }
    if (digits > 0 && (code | 0x20) === 0x65) hasLongNumber = true
    isFraction = code === 0x2e
    digits = 0
    const crossed = code === 0x22 ? undefined : countAt(count, code)
    if (crossed) return { crossed, hasLongNumber }
    if (code === 0x22) at = endOfString(text, at)
  }
  return { hasLongNumber }
}

function countAt(count: JsonCount, code: number): CrossedBound | undefined {
  switch (code) {
    case 0x5b:
    case 0x7b:
      return count.open(code === 0x5b)
    case 0x5d:
    case 0x7d:
      return void count.close()
    case 0x2c:
      return count.comma()
    default:
      return undefined
  }
}

/** The position of the quote that closes the string at `start`, or the text's end. */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    if (!isEscaped(text, at)) return at
  }
  return text.length
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
  return backslashes % 2 === 1
}
