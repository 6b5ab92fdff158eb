import { maxHead, readCallHead } from './call-head.ts'
import { decodeEntities } from './entities.ts'
import type { KnownTools } from './known-tools.ts'
import type { Marks } from './marks.ts'

/** What the beginning of a call can begin with, at the start of a line. The second form is slower, and seldom needed. */
const lineStart = /^[ \t]*(?=[<[{`]|&lt;)/gm
const lineStartOrName = /^[ \t]*(?=[<[{`]|&lt;|[A-Za-z_][\w.:/-]{0,127}\[ARGS\])/gm

/**
 * Writes a backslash before each place of a tool's result that would be a call if the model repeated it, and within our own
 * marks. A result is not from the model, and anybody may have written it.
 */
export function escapeMarks(text: string, options: { readonly tools: KnownTools; readonly marks: Marks }): string {
  const pieces: string[] = []
  let from = 0
  for (const { index, 0: space } of text.matchAll(text.includes('[ARGS]') ? lineStartOrName : lineStart)) {
    const at = index + space.length
    const start = text.slice(at, at + maxHead)
    const line = start[0] === '&' ? decodeEntities(start) : start
    if (readCallHead(line, options) === 'text') continue
    pieces.push(text.slice(from, at), '\\')
    from = at
  }
  return escapeOwnMarks([...pieces, text.slice(from)].join(''), options.marks)
}

/** Writes a backslash within our own marks, which only we and the model may write. */
export function escapeOwnMarks(text: string, { call, result }: Marks): string {
  if (!text.includes(call) && !text.includes(result)) return text
  return text.replaceAll(new RegExp(`<(?=/?(?:${call}|${result}))`, 'g'), '<\\')
}
