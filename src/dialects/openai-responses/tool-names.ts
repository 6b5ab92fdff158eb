import type { Fields } from '../../chat/message.ts'
import type { FunctionTool } from '../../chat/request.ts'

/** How a tool was offered, which decides the form of a call to it. */
export interface OfferedAs {
  readonly kind: 'function' | 'custom' | 'tool_search'
  readonly name: string
  readonly namespace?: string
}

/** Limit for the characters of a function's name at most services. */
const maxName = 64

/**
 * The names under which the tools of a request go to an upstream, which knows only functions in one list. Tools of a namespace get
 * its name in front.
 */
export class ToolNames {
  readonly #offered = new Map<string, OfferedAs>()

  /** Returns the name of a function for a tool. The same tool has the same name each time. */
  add(tool: OfferedAs): string {
    const wanted = tool.namespace === undefined ? tool.name : `${tool.namespace}__${tool.name}`
    let name = wanted.slice(0, maxName)
    for (let count = 2; !this.#isFree(name, tool); count++) name = `${wanted.slice(0, maxName - 4)}_${count}`
    this.#offered.set(name, tool)
    return name
  }

  /** Returns how a called function was offered. A name that was not offered is the model's own. */
  of(name: string): OfferedAs {
    return this.#offered.get(name) ?? { kind: 'function', name }
  }

  /** Returns the function's name of a tool that a client names; the client's name if no tool has it. */
  nameOf(name: string, namespace?: string): string {
    for (const [known, tool] of this.#offered)
      if (tool.name === name && (namespace === undefined || tool.namespace === namespace)) return known
    return name
  }

  #isFree(name: string, tool: OfferedAs): boolean {
    const known = this.#offered.get(name)
    return !known || (known.name === tool.name && known.namespace === tool.namespace)
  }
}

/** The parameters of a function in place of a tool that takes any text. */
const textParameters: Fields = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
  required: ['input'],
  additionalProperties: false,
}

/** Offers a tool that takes a text as a function. A grammar stands in the description, because no other service checks it. */
export function functionForText(name: string, { description, format }: Fields): FunctionTool {
  const words = [typeof description === 'string' ? description : '', grammarIn(format)].filter((text) => text !== '')
  return {
    type: 'function',
    name,
    ...(words.length > 0 && { description: words.join('\n\n') }),
    parameters: textParameters,
  }
}

function grammarIn(format: unknown): string {
  if (typeof format !== 'object' || format === null || !('definition' in format)) return ''
  const syntax = 'syntax' in format ? String(format.syntax) : 'lark'
  return `The input is plain text that follows this ${syntax} grammar:\n${String(format.definition)}`
}

/**
 * Returns the text that a model gave to such a function. Models also give the text alone, or under another name.
 */
export function textOfCall(json: string): string {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string') return value
    if (typeof value !== 'object' || value === null) return json
    const members: unknown[] = Object.values(value)
    const input = 'input' in value ? value.input : members.length === 1 ? members[0] : undefined
    if (typeof input === 'string') return input
    // `{"command": ["apply_patch", "*** Begin Patch …"]}`, as a shell would get it
    if (Array.isArray(input)) return String(input.at(-1) ?? '')
    return json
  } catch {
    return json
  }
}
