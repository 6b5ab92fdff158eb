export type JsonContainer = 'object' | 'list'

interface TextPlace {
  /** The containers around the text, the outermost first. */
  readonly stack: readonly JsonContainer[]
  readonly isKey: boolean
  /** Whether no more text comes. */
  readonly isEnd: boolean
}

/** Characters that are looked at after a quote. A longer gap is not a mistake of a model. */
const maxLook = 256
/** Characters of a key that is looked for. */
const maxKey = 80

/**
 * Whether a quote ends its text, by what follows it. In correct JSON every quote without a backslash does. Models also write
 * quotes within a text without a backslash, and what follows such a quote is nothing that may follow a text.
 * @param at the position after the quote
 * @returns undefined if more text is needed
 */
export function closesText(input: string, at: number, place: TextPlace): boolean | undefined {
  const { stack, isKey, isEnd } = place
  const next = skipSpace(input, at)
  const sign = input[next]
  if (sign === undefined) return isEnd ? true : undefined
  // too much space to tell
  if (isSpace(sign)) return true
  if (isKey) return sign === ':' || sign === '='
  if (stack.length === 0) return true
  const isObject = stack.at(-1) === 'object'
  if (sign === ',') return isObject ? keyFollows(input, next + 1, isEnd) : true
  if (isCloser(sign)) return containersClose(input, next, place)
  // a comma may be missing between two lines
  if (input.slice(at, next).includes('\n') && isQuote(sign)) return isObject ? keyFollows(input, next, isEnd) : true
  if (sign !== '/') return false
  const second = input[next + 1]
  return second === undefined && !isEnd ? undefined : second === '/' || second === '*'
}

/** Whether closing brackets follow, and after them something that may follow them. */
function containersClose(input: string, from: number, { stack, isEnd }: TextPlace): boolean | undefined {
  let at = from
  for (let depth = stack.length; depth > 0; depth--) {
    const sign = input[at]
    if (sign === undefined) return isEnd ? true : undefined
    if (!isCloser(sign)) return /[,<`/\s]/.test(sign)
    at = skipSpace(input, at + 1)
  }
  return true
}

/** Whether a key follows, or the end of the object. */
function keyFollows(input: string, from: number, isEnd: boolean): boolean | undefined {
  const at = skipSpace(input, from)
  const sign = input[at]
  if (sign === undefined) return isEnd ? true : undefined
  if (isCloser(sign) || isSpace(sign) || sign === '/' || sign === ',') return true
  const end = isQuote(sign) ? quotedKeyEnd(input, at) : bareKeyEnd(input, at)
  if (typeof end === 'boolean') return end
  const after = end === undefined ? undefined : input[skipSpace(input, end)]
  if (after === undefined) return isEnd ? false : undefined
  return after === ':' || after === '=' || isSpace(after)
}

/** The end of a key in quotes; undefined if it has not ended yet, true if it is too long to tell, false if it is no key. */
function quotedKeyEnd(input: string, at: number): number | boolean | undefined {
  const quote = input[at]
  for (let end = at + 1; end < at + maxKey; end++) {
    const sign = input[end]
    if (sign === undefined) return undefined
    if (sign === quote) return end + 1
    if (sign === '\n') return false
    if (sign === '\\') end++
  }
  return true
}

function bareKeyEnd(input: string, at: number): number | boolean | undefined {
  for (let end = at; end < at + maxKey; end++) {
    const sign = input[end]
    if (sign === undefined) return undefined
    if (!/[\w$.-]/.test(sign)) return end > at && end
  }
  return false
}

function isCloser(sign: string): boolean {
  return sign === '}' || sign === ']' || sign === ')'
}

function isQuote(sign: string): boolean {
  return sign === '"' || sign === "'"
}

function isSpace(sign: string): boolean {
  return /\s/.test(sign)
}

function skipSpace(input: string, at: number): number {
  const last = Math.min(input.length, at + maxLook)
  let end = at
  while (end < last && isSpace(input.charAt(end))) end++
  return end
}
