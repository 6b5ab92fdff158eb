/** How far a JSON object has grown. Reading each piece once keeps a long one from being parsed again at every piece. */
export interface JsonProgress {
  readonly depth: number
  readonly isInString: boolean
  readonly isEscaped: boolean
  /** Once the bracket that opened it is closed. Whether what stands between is valid JSON is not asked. */
  readonly isWhole: boolean
}

export const noJson: JsonProgress = { depth: 0, isInString: false, isEscaped: false, isWhole: false }

/** The progress after another piece of the text. */
export function progressed(before: JsonProgress, piece: string): JsonProgress {
  let { depth, isInString, isEscaped, isWhole } = before
  for (let at = 0; at < piece.length; at++) {
    const character = piece[at]
    if (isEscaped) isEscaped = false
    else if (isInString && character === '\\') isEscaped = true
    else if (character === '"') isInString = !isInString
    else if (isInString) continue
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) isWhole = true
  }
  return { depth, isInString, isEscaped, isWhole }
}
