import { type EmulatedChat, frame } from '../../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../../src/wire/emulator/script.ts'
import { chunk, says } from '../scripts.ts'

/** What the model says at the end. */
export const ending = 'The file is read.'
/** What aider must write into the file. */
export const changed = 'This is two.'

/** A model that reads `one.txt` with the first fitting tool, and then says that it has. */
export function answerOf(chat: EmulatedChat, home: string): Script {
  const { messages, tools = [] } = chat
  if (JSON.stringify(messages).includes('SEARCH/REPLACE')) return says(edit)
  if (messages.some(({ role }) => role === 'tool')) return says(ending)
  const names = tools.map((tool) => tool.function?.name ?? '')
  const name = readers.map((reader) => names.find((one) => reader.test(one))).find((one) => one !== undefined)
  // a request without tools is for a title
  return name === undefined ? says('A title') : calls(name, argumentsFor(name, tools, home))
}

const readers = [/^(read|read_?files?|view)$/i, /^(bash|run_commands?|execute_command|shell|exec)$/i]

/** Fills the parameters that the tool must have: the path of the file, or a command that prints it. */
function argumentsFor(name: string, tools: NonNullable<EmulatedChat['tools']>, home: string): object {
  const tool = tools.find((one) => one.function?.name === name)
  const { properties = {}, required = [] } = JSON.parse(JSON.stringify(tool?.function?.parameters ?? {}))
  return Object.fromEntries(required.map((one: string) => [one, valueFor(one, properties[one] ?? {}, home)]))
}

interface Schema {
  readonly type?: unknown
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

function valueFor(name: string, { type, items, properties = {}, required = [] }: Schema, home: string): unknown {
  if (type === 'array') return [valueFor(name, items ?? {}, home)]
  if (type === 'boolean') return false
  if (type === 'object')
    return Object.fromEntries(required.map((one) => [one, valueFor(one, properties[one] ?? {}, home)]))
  return /command|script/.test(name) ? 'cat one.txt' : /path|file/i.test(name) ? `${home}/one.txt` : 'Reads it'
}

function calls(name: string, args: object): Script {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name, arguments: JSON.stringify(args) } }
  const usage = frame({ choices: [], usage: { prompt_tokens: 900, completion_tokens: 9, total_tokens: 909 } })
  const first = chunk({ role: 'assistant', content: null, tool_calls: [call] })
  return { body: [first, chunk({}, 'tool_calls'), usage, 'data: [DONE]\n\n'] }
}

const edit = `one.txt
\`\`\`
<<<<<<< SEARCH
This is one.
=======
${changed}
>>>>>>> REPLACE
\`\`\`
`
