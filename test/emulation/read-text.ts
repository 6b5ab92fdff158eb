import type { FunctionTool } from '../../src/chat/request.ts'
import { CallReader } from '../../src/gateway/emulated-tools/call-reader.ts'
import { KnownTools } from '../../src/gateway/emulated-tools/known-tools.ts'
import { marksFor } from '../../src/gateway/emulated-tools/marks.ts'

export const marks = marksFor('3f9a2c')

/** What was found in a text. */
export interface ReadText {
  text: string
  readonly calls: { name: string; json: string; isWhole: boolean }[]
  misread: number
}

/** Reads a text that comes in pieces. */
export function readText(pieces: readonly string[], tools: readonly FunctionTool[]): ReadText {
  const reader = new CallReader({ tools: new KnownTools(tools), marks, isParallel: true })
  const found: ReadText = { text: '', calls: [], misread: 0 }
  const events = [...pieces.flatMap((piece) => [...reader.push(piece)]), ...reader.end()]
  for (const event of events) {
    const last = found.calls.at(-1)
    if (event.type === 'text') found.text += event.text
    else if (event.type === 'misread') found.misread++
    else if (event.type === 'call') found.calls.push({ name: event.tool.name, json: '', isWhole: false })
    else if (last && event.type === 'arguments') last.json += event.json
    else if (last) last.isWhole = true
  }
  return found
}

/** Splits a text into pieces of this length. */
export function inPieces(text: string, length: number): string[] {
  return text.match(new RegExp(`[\\s\\S]{1,${length}}`, 'g')) ?? []
}
