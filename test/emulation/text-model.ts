import { frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }

function chunk(delta: object, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }]
  return frame({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'text', choices })
}

/** The bytes of a text in pieces of a few characters. */
export function piecesOf(text: string): string[] {
  return (text.match(/[\s\S]{1,5}/g) ?? []).map((content) => chunk({ content }))
}

/** The bytes at the end of an answer. */
export const ending = [chunk({}, 'stop'), frame({ choices: [], usage }), 'data: [DONE]\n\n']

/** The answer of a model that writes only text. */
export function writes(text: string): Script {
  return { body: [...piecesOf(text), ...ending] }
}

/** The mark that the instructions of a request ask for. */
export function markIn(request: unknown): string {
  return /tool_call_[0-9a-f]{6}/.exec(JSON.stringify(request))?.[0] ?? ''
}

/** A call, as the instructions with this mark ask for it. */
export function callBlock(mark: string, name: string, args: object): string {
  return `<${mark}>\n${JSON.stringify({ name, arguments: args })}\n</${mark}>`
}
