import type { KnownTools } from './known-tools.ts'
import { argumentElements, callElements, closingTokens, type Marks, nameElements } from './marks.ts'

/** Signs that may be left over from the JSON of a call, or stand between two calls. */
const signs = new Set(['}', ']', ')', ';', ','])

/**
 * The length of a closing mark at the beginning of a text that follows a call; 0 if there is none, and `more` if that cannot
 * be told yet.
 */
export function closerLength(
  text: string,
  { tools, marks }: { readonly tools: KnownTools; readonly marks: Marks },
): number | 'more' {
  const sign = text.charAt(0)
  if (signs.has(sign)) return 1
  if (sign === '`') return fenceLength(text)
  const token = closingTokens.find((one) => text.startsWith(one))
  if (token !== undefined) return token.length
  if (text !== '' && closingTokens.some((one) => one.startsWith(text))) return 'more'
  const [whole, name = ''] = /^<\/(?:antml:)?([\w:.-]{1,140})[^<>]{0,40}>/.exec(text) ?? []
  if (whole === undefined) return /^<(\/[\w:.=-]{0,140})?$/.test(text) ? 'more' : 0
  const isOurs = name === marks.call || callElements.has(name) || argumentElements.has(name) || nameElements.has(name)
  return isOurs || name === 'invoke' || name === 'parameter' || tools.named(name) ? whole.length : 0
}

/** A fence counts only alone in its line. Another one begins with a word. */
function fenceLength(text: string): number | 'more' {
  const [whole, fence = ''] = /^(`+)[ \t]*(?=[\n<])/.exec(text) ?? []
  if (whole === undefined) return /^`+[ \t]*$/.test(text) ? 'more' : 0
  return fence.length >= 3 ? whole.length : 0
}
