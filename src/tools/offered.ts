import type { Fields } from '../chat/message.ts'
import type { Logger } from '../flow/call.ts'
import { type Definition, Pins, readDefinition } from './definitions.ts'
import { qualifiedName } from './names.ts'
import type { Tool, ToolContext, ToolOutcome } from './tool.ts'

/** A tool as it is called on its server. */
export type CalledTool = Pick<Definition, 'name' | 'headers'>

export type RunTool = (tool: CalledTool, args: Fields, context: ToolContext) => Promise<ToolOutcome>

/** Which of the tools that a server lists are offered to models. */
export class Offered {
  readonly #server: string
  readonly #log: Logger
  readonly #run: RunTool
  #pins = new Pins()
  /** Tools by the server's own names. An offered tool never changes, so each is made once. */
  readonly #tools = new Map<string, Tool>()

  constructor(server: string, log: Logger, run: RunTool) {
    this.#server = server
    this.#log = log
    this.#run = run
  }

  /** Chooses the valid, unchanged tools of a list. If two have the same name, it chooses the first. */
  choose(listed: readonly unknown[]): readonly Tool[] {
    const chosen = new Map<string, Tool>()
    for (const definition of listed.map(readDefinition)) {
      if (!definition) continue
      const name = qualifiedName(this.#server, definition.name)
      if (!chosen.has(name) && this.#admits(definition)) chosen.set(name, this.#toolOf(name, definition))
    }
    const leftOut = listed.length - chosen.size
    if (leftOut > 0) this.#log.warn({ leftOut }, 'some tools of an MCP server are not offered')
    return [...chosen.values()]
  }

  /** Forgets the tools, so that those of the next list are new. */
  forget(): void {
    this.#pins = new Pins()
    this.#tools.clear()
  }

  /** Whether no change of the tool is known. */
  isUnchanged(name: string): boolean {
    return this.#pins.isUnchanged(name)
  }

  #admits(definition: Definition): boolean {
    if (this.#pins.admits(definition)) return true
    const what =
      'a tool of an MCP server has changed since it was first seen: it is off until its server or the gateway is restarted'
    this.#log.warn({ tool: definition.name }, what)
    return false
  }

  #toolOf(name: string, { name: own, description, parameters, headers }: Definition): Tool {
    const known = this.#tools.get(own)
    if (known) return known
    const tool: Tool = {
      name,
      server: this.#server,
      ...(description !== undefined && { description }),
      parameters,
      supportsStreaming: true,
      run: (args, context) => this.#run({ name: own, headers }, args, context),
    }
    this.#tools.set(own, tool)
    return tool
  }
}
