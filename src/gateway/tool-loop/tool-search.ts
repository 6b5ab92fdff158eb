import type { ToolCallPart } from '../../chat/message.ts'
import { headOf } from '../../chat/shorten.ts'
import { builtinServer } from '../../tools/names.ts'
import type { Tool, ToolOutcome } from '../../tools/tool.ts'
import { readArguments } from './read-arguments.ts'
import { searchTools } from './search-tools.ts'

export interface ToolSearchOptions {
  /** The tools that may be found. */
  readonly tools: readonly Tool[]
  /** The name of the tool that finds them. */
  readonly name: string
  /** Limit for the found tools. */
  readonly room: number
  /** A tool that is offered from the beginning, because the model must call it. */
  readonly required?: string
}

/** Tools of one search: usually, and at most. */
const usualCount = 8
const maxCount = 20
/** Limit for the characters of a description in the result of a search. A longer result would be summarised. */
const maxDescription = 160

/**
 * Offers a tool that finds others in place of all of them. What was found is offered from the next round on, always after
 * the tools that were offered before, because prompt caches need that (docs/decisions/0064-tool-search.md).
 */
export class ToolSearch {
  readonly #tools: ReadonlyMap<string, Tool>
  readonly #options: ToolSearchOptions
  readonly #found = new Map<string, Tool>()
  readonly #finder: Tool

  constructor(options: ToolSearchOptions) {
    this.#options = options
    this.#tools = new Map(options.tools.map((tool) => [tool.name, tool]))
    this.#finder = this.#newFinder()
    if (options.required !== undefined) this.#add(options.required)
  }

  /** The tools that the model is offered now. */
  get offered(): readonly Tool[] {
    return [this.#finder, ...this.#found.values()]
  }

  /** All that may be called: a model may remember the name of a tool from earlier in a conversation. */
  get callable(): ReadonlyMap<string, Tool> {
    return new Map([[this.#finder.name, this.#finder], ...this.#tools])
  }

  /** Offers what these calls found, and what they called. The same calls always offer the same tools in the same order. */
  note(calls: readonly ToolCallPart[]): void {
    for (const { name, arguments: json } of calls) {
      if (name !== this.#finder.name) this.#add(name)
      else for (const tool of this.#search(json)) this.#add(tool.name)
    }
  }

  #add(name: string): void {
    const tool = this.#tools.get(name)
    if (tool && this.#found.size < this.#options.room) this.#found.set(name, tool)
  }

  #search(json: string): readonly Tool[] {
    const read = readArguments(json)
    return 'fields' in read ? this.#matches(read.fields) : []
  }

  #matches({ query, limit }: Readonly<Record<string, unknown>>): readonly Tool[] {
    if (typeof query !== 'string') return []
    const count = typeof limit === 'number' && limit >= 1 ? Math.min(limit, maxCount) : usualCount
    return searchTools(query, this.#options.tools, count)
  }

  #newFinder(): Tool {
    return {
      name: this.#options.name,
      server: builtinServer,
      description: `Finds tools. ${this.#tools.size} tools are there that are not listed here: ${this.#contents()}. Say in a few words what you want to do, in the words of such a tool. What is found can be called from your next message on. Search before you say that you cannot do something.`,
      parameters: {
        type: 'object',
        properties: {
          query: { type: 'string', description: 'What the tool should do, or its name.' },
          limit: {
            type: 'integer',
            description: `How many tools to find: ${usualCount} if it is left out, at most ${maxCount}.`,
          },
        },
        required: ['query'],
      },
      supportsStreaming: false,
      run: async (args) => this.#report(args),
    }
  }

  /** The servers with the numbers of their tools: `files (12), mail (30)`. */
  #contents(): string {
    const counts = new Map<string, number>()
    for (const { server } of this.#tools.values()) counts.set(server, (counts.get(server) ?? 0) + 1)
    return [...counts].map(([server, count]) => `${server} (${count})`).join(', ')
  }

  #report(args: Readonly<Record<string, unknown>>): ToolOutcome {
    if (typeof args.query !== 'string' || args.query.trim() === '')
      return { content: 'query must be a text that says what the tool should do.', isError: true }
    const matches = this.#matches(args)
    if (matches.length === 0)
      return { content: `No tool fits. Try other words. The servers: ${this.#contents()}.`, isError: false }
    const room = this.#options.room - this.#found.size
    const added = matches.filter(({ name }) => !this.#found.has(name))
    const lines = matches.map(
      ({ name, description = '' }) => `- ${name}: ${headOf(description.replace(/\s+/g, ' '), maxDescription)}`,
    )
    const lost =
      added.length > room ? `\nOnly the first ${room} new ones can be offered: this model takes no more tools.` : ''
    return { content: `These can be called from now on:\n${lines.join('\n')}${lost}`, isError: false }
  }
}
