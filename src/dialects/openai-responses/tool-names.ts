import type { Fields } from '../../chat/message.ts'
import type { FunctionTool } from '../../chat/request.ts'
import { isFields } from '../fields.ts'

/** How a tool was offered, which decides the form of a call to it. */
export interface OfferedAs {
  readonly kind: 'function' | 'custom' | 'tool_search'
  readonly name: string
  readonly namespace?: string
}

/** Limit for the characters of a function's name at most services. */
const maxName = 64
/** Characters for the number that tells apart two tools of one name: `_2` to `_9999`. */
const numberLength = 5

/**
 * The names under which the tools of a request go to an upstream, which knows only functions in one list. Tools of a namespace get
 * its name in front.
 */
export class ToolNames {
  readonly #offered = new Map<string, OfferedAs>()
  /** The functions' names by the names of the tools, in which a namespace stands in front. */
  readonly #byTool = new Map<string, string>()
  /** The functions' names by the names of the tools alone. The first tool of a name counts. */
  readonly #byName = new Map<string, string>()
  /** How often the beginning of a name was numbered. */
  readonly #numbers = new Map<string, number>()

  /** Returns the name of a function for a tool. The same tool has the same name each time. */
  add(tool: OfferedAs): string {
    const key = keyOf(tool.name, tool.namespace)
    const name = this.#byTool.get(key) ?? this.#freeName(nameWith(tool.name, tool.namespace))
    this.#offered.set(name, tool)
    this.#byTool.set(key, name)
    if (!this.#byName.has(tool.name)) this.#byName.set(tool.name, name)
    return name
  }

  /** Returns how a called function was offered. A name that was not offered is the model's own. */
  of(name: string): OfferedAs {
    return this.#offered.get(name) ?? { kind: 'function', name }
  }

  /**
   * Returns the function's name of a tool that a client names. Without a namespace, a tool that has none comes first. A tool that
   * is not offered any more gets the name that it would have.
   */
  nameOf(name: string, namespace?: string): string {
    const known = this.#byTool.get(keyOf(name, namespace))
    if (known !== undefined) return known
    return (namespace === undefined ? this.#byName.get(name) : undefined) ?? nameWith(name, namespace).slice(0, maxName)
  }

  #freeName(wanted: string): string {
    const stem = wanted.slice(0, maxName - numberLength)
    let name = wanted.slice(0, maxName)
    while (this.#offered.has(name)) {
      const number = (this.#numbers.get(stem) ?? 1) + 1
      this.#numbers.set(stem, number)
      name = `${stem}_${number}`
    }
    return name
  }
}

function nameWith(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`
}

/** No namespace and an empty one are different. */
function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}\n${name}`
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
  if (!isFields(format) || typeof format.definition !== 'string') return ''
  const syntax = typeof format.syntax === 'string' ? format.syntax : 'lark'
  return `The input is plain text that follows this ${syntax} grammar:\n${format.definition}`
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
