import { callsIn, writtenName } from './call-objects.ts'
import { JsonBuilder } from './json-builder.ts'
import { JsonMender } from './json-mender.ts'
import { type FittedCall, fitCall, type KnownTool, type KnownTools } from './known-tools.ts'

/** Reads JSON that is one call or several, or the arguments of a tool. */
export class CallJsonBody {
  readonly #builder = new JsonBuilder()
  /** Reads the text of the JSON. */
  readonly written = new JsonMender(this.#builder)
  readonly #tools: KnownTools
  readonly #tool: KnownTool | undefined

  /** @param tool the tool whose arguments it reads; undefined if the JSON has the name */
  constructor(tools: KnownTools, tool?: KnownTool) {
    this.#tools = tools
    this.#tool = tool
  }

  /** The calls; undefined if the JSON is none. */
  calls(): readonly FittedCall[] | undefined {
    const { value } = this.#builder
    if (this.#tool) return [fitCall(this.#tool, value)]
    return callsIn(value, this.#tools)?.map(({ tool, written }) => fitCall(tool, written)) ?? this.#nearest(value)
  }

  /** A call whose name is misspelled. */
  #nearest(value: unknown): readonly FittedCall[] | undefined {
    const name = writtenName(value)
    const tool = name === undefined ? undefined : this.#tools.nearest(name)
    if (!tool || name === undefined) return undefined
    const [found] = callsIn(renamed(value, name, tool.name), this.#tools) ?? []
    return found && [fitCall(found.tool, found.written)]
  }
}

function renamed(value: unknown, from: string, to: string): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, member === from ? to : member]))
}
