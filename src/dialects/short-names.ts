import type { ChatEvent } from '../chat/event.ts'
import type { Message, Part } from '../chat/message.ts'
import type { ChatRequest, ToolChoice } from '../chat/request.ts'

/** Limit for the characters of a function's name. OpenAI, both API references, `tools`. Anthropic allows 128. */
const maxName = 64

/** A request whose names fit, and how its answer gets the client's names back. */
interface ShortNamed {
  readonly request: ChatRequest
  restore(event: ChatEvent): ChatEvent
}

/**
 * Shortens the names of tools that are too long for a service of OpenAI's dialects. A name is shortened in the same way in each turn.
 * Returns undefined if all names fit, and for a client of the service's own dialect, whose names are the service's to judge.
 * @param dialect the service's
 */
export function withShortNames(request: ChatRequest, dialect: string): ShortNamed | undefined {
  const { parameters } = request
  if (request.dialect === dialect || !parameters.tools?.some(({ name }) => name.length > maxName)) return undefined
  const short = new Map<string, string>()
  const long = new Map<string, string>()
  for (const { name } of parameters.tools) {
    const fitting = fit(name, long)
    short.set(name, fitting)
    long.set(fitting, name)
  }
  const shorten = (name: string) => short.get(name) ?? name
  const tools = parameters.tools.map((tool) => ({ ...tool, name: shorten(tool.name) }))
  const toolChoice = parameters.toolChoice && shortChoice(parameters.toolChoice, shorten)
  return {
    request: {
      ...request,
      messages: request.messages.map((message) => withNames(message, shorten)),
      parameters: { ...parameters, tools, ...(toolChoice && { toolChoice }) },
    },
    restore(event) {
      const name = event.type === 'tool-call' ? long.get(event.name) : undefined
      if (event.type !== 'tool-call' || name === undefined || name === event.name) return event
      const { native: _, ...others } = event
      return { ...others, name }
    },
  }
}

/** @param taken the names that other tools have got */
function fit(name: string, taken: ReadonlyMap<string, string>): string {
  if (name.length <= maxName) return name
  const mark = Bun.hash.xxHash32(name).toString(36)
  for (let count = 0; ; count++) {
    const end = count === 0 ? `_${mark}` : `_${mark}${count}`
    const fitting = name.slice(0, maxName - end.length) + end
    if (!taken.has(fitting)) return fitting
  }
}

function shortChoice(choice: ToolChoice, shorten: (name: string) => string): ToolChoice {
  return choice.type === 'function' ? { ...choice, name: shorten(choice.name) } : choice
}

function withNames(message: Message, shorten: (name: string) => string): Message {
  if (message.role !== 'assistant') return message
  const content = message.content.map((part): Part => {
    return part.type === 'tool-call' ? { ...part, name: shorten(part.name) } : part
  })
  return { ...message, content }
}
