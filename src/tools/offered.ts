import type { Logger } from '../chat/call.ts'
import { type Definition, Pins, readDefinition } from './definitions.ts'
import { qualifiedName } from './names.ts'

/** Which of the tools that a server lists are offered to models. */
export class Offered {
  readonly #server: string
  readonly #log: Logger
  readonly #pins = new Pins()

  constructor(server: string, log: Logger) {
    this.#server = server
    this.#log = log
  }

  /** Those that are tools, that are what they were, and of two with one name the first; by their qualified names. */
  choose(listed: readonly unknown[]): ReadonlyMap<string, Definition> {
    const chosen = new Map<string, Definition>()
    for (const definition of listed.map(readDefinition)) {
      if (!definition) continue
      const name = qualifiedName(this.#server, definition.name)
      if (!chosen.has(name) && this.#admits(definition)) chosen.set(name, definition)
    }
    const leftOut = listed.length - chosen.size
    if (leftOut > 0) this.#log.warn({ leftOut }, 'some tools of an MCP server are not offered')
    return chosen
  }

  /** Whether the tool is still what it was when it was first seen, as far as is known. */
  isUnchanged(name: string): boolean {
    return this.#pins.isUnchanged(name)
  }

  #admits(definition: Definition): boolean {
    if (this.#pins.admits(definition)) return true
    const what = 'a tool of an MCP server is not what it was when it was first seen: it is off until the next start'
    this.#log.warn({ tool: definition.name }, what)
    return false
  }
}
