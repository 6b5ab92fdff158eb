import { frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'

export function chunk(delta: object, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }]
  return frame({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-test', choices })
}

const usage = frame({ choices: [], usage: { prompt_tokens: 900, completion_tokens: 9, total_tokens: 909 } })
const done = 'data: [DONE]\n\n'

/** An answer with a text, in these pieces. */
export function says(...texts: readonly string[]): Script {
  return {
    body: [...texts.map((content) => chunk({ role: 'assistant', content })), chunk({}, 'stop'), usage, done],
  }
}

/** An answer that thinks, and calls these tools at once, as `call_0`, `call_1`, …, with their arguments in pieces. */
export function calls(...called: readonly (readonly [name: string, args: object])[]): Script {
  const deltas = called.flatMap(([name, args], index) => {
    const json = JSON.stringify(args)
    const first = { index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }
    const grown = [json.slice(0, 7), json.slice(7)].map((piece) => ({ index, function: { arguments: piece } }))
    return [first, ...grown].map((call) => chunk({ tool_calls: [call] }))
  })
  const thought = chunk({ role: 'assistant', content: null, reasoning_content: 'I look at it.' })
  return { body: [thought, ...deltas, chunk({}, 'tool_calls'), usage, done] }
}
