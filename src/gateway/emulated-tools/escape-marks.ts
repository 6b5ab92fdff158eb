import { maxHead, readCallHead } from './call-head.ts'
import type { KnownTools } from './known-tools.ts'
import type { Marks } from './marks.ts'

/** What the beginning of a call can begin with, at the start of a line. */
const lineStart = /^[ \t]*(?=[<[{`]|&lt;|[A-Za-z_][\w.:/-]{0,127}\[ARGS\])/gm

/**
 * Writes a backslash before each place of a tool's result that would be a call if the model repeated it, and within our own
 * marks. A result is not from the model, and anybody may have written it.
 */
export function escapeMarks(text: string, options: { readonly tools: KnownTools; readonly marks: Marks }): string {
  const pieces: string[] = []
  let from = 0
  for (const { index, 0: space } of text.matchAll(lineStart)) {
    const at = index + space.length
    const line = text
      .slice(at, at + maxHead)
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
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
