/** Limit for the characters that are counted. The rest of a longer text counts as similar. */
const maxCounted = 200_000

/**
 * Estimates the number of tokens of a text. Nowhere is it far below OpenAI's tokenizers, also not for code, numbers, base64 and other
 * scripts. A true tokenizer is exact for one family of models only, and its tables take 80 MB and block all streams for a fifth
 * of a second (docs/decisions/0011-estimated-usage.md).
 */
export function countTokens(text: string, length = text.length): number {
  if (text === '') return 0
  const counted = tokensIn(text, Math.min(text.length, maxCounted))
  // every tokenizer finds at least one token, also in white space alone
  return Math.max(1, Math.round((counted * length) / Math.min(text.length, maxCounted)))
}

/** Kinds of characters. Characters of one kind that follow each other are counted together. */
const [space, newline, lower, upper, digit, mark, wide] = [0, 1, 2, 3, 4, 5, 6]
const kinds = Uint8Array.from({ length: 128 }, (_, code) => kindOfAscii(String.fromCharCode(code)))

function kindOfAscii(character: string): number {
  if (/[\r\n]/.test(character)) return newline
  if (/[\0- ]/.test(character)) return space
  if (/[a-z]/.test(character)) return lower
  if (/[A-Z]/.test(character)) return upper
  return /\d/.test(character) ? digit : mark
}

function kindOf(code: number): number {
  return kinds[code] ?? wide
}

function tokensIn(text: string, end: number): number {
  let tokens = 0
  let previous = newline
  for (let at = 0; at < end; ) {
    const code = text.charCodeAt(at)
    const next = runEnd(text, at, end)
    const kind = kindOf(code) === upper && kindOf(text.charCodeAt(next - 1)) === lower ? lower : kindOf(code)
    tokens += kind === wide ? ofWide(code) : ofRun(kind, next - at, previous)
    previous = kind
    at = next
  }
  return tokens
}

/** Where a run of characters of one kind ends. An upper-case letter belongs to the lower-case letters after it. */
function runEnd(text: string, at: number, end: number): number {
  const kind = kindOf(text.charCodeAt(at))
  if (kind === wide) return at + 1
  const next = afterKind(kind, text, at, end)
  if (kind !== upper || next >= end || kindOf(text.charCodeAt(next)) !== lower) return next
  return next - at > 1 ? next - 1 : afterKind(lower, text, at, end)
}

function afterKind(kind: number, text: string, from: number, end: number): number {
  let at = from + 1
  while (at < end && kindOf(text.charCodeAt(at)) === kind) at++
  return at
}

/**
 * The tokens of a run. Tokenizers put one space before a word or a mark into the same token, but not before a number.
 * @param previous the kind of the run before it
 */
function ofRun(kind: number, length: number, previous: number): number {
  switch (kind) {
    case space:
      return length > 1 ? 1 : 0
    case newline:
      return previous === mark ? 0 : 1
    case lower:
      return length <= 8 ? 1 : Math.ceil(length / 5)
    case digit:
      return Math.ceil(length / 3) + (previous === space ? 1 : 0)
    default:
      return Math.ceil(length / 4)
  }
}

/** The tokens of a character outside of ASCII, by its script. */
function ofWide(code: number): number {
  if (code < 0x250) return 0.8
  if (code < 0x530) return 0.4
  return code < 0x2e80 ? 0.75 : 1
}
