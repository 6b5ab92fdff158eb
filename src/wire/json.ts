import { ChatError } from '../chat/error.ts'

/** What an upstream sent as JSON. @throws ChatError `upstream-failed` when it is none */
export function parseUpstreamJson(text: string): unknown {
  const value = jsonOrUndefined(text)
  if (value === undefined) throw notJson()
  return value
}

/** Without a cause: the parser's message quotes the word it stumbled over, which is the answer's. */
export function notJson(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream sent something that is not JSON.',
    code: 'upstream_bad_response',
  })
}

/** What the text says as JSON; undefined where it is none. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Brackets that may stand inside each other. */
const maxDepth = 64

/**
 * Whether JSON text nests deeper than `limit`. Judged on the text, before it is parsed: Bun's parser takes any depth,
 * and everything that walks the value afterwards overflows its stack. Strings are jumped over, so their brackets don't count.
 */
export function nestsTooDeep(text: string, limit = maxDepth): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at)
        break
      case 0x5b:
      case 0x7b:
        if (++depth > limit) return true
        break
      case 0x5d:
      case 0x7d:
        depth--
    }
  }
  return false
}

/** Where the string that opens at `start` closes, or the text's end. */
function endOfString(text: string, start: number): number {
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
