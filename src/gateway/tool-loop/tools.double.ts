import { type ChatEvent, isOfPart } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import type { Tool, ToolContext, ToolOutcome, ToolRegistry } from '../../tools/tool.ts'
import { answering } from '../chat.double.ts'

type ToolFunction = (args: Fields, context: ToolContext) => string | ToolOutcome | Promise<string | ToolOutcome>

/** Creates a tool that runs this function. A returned text is the result of a call that succeeded. */
export function createTool(name: string, run: ToolFunction, server = name.split('__', 1)[0] ?? name): Tool {
  return {
    name,
    server,
    parameters: { type: 'object' },
    supportsStreaming: true,
    async run(args, context) {
      const outcome = await run(args, context)
      return typeof outcome === 'string' ? { content: outcome, isError: false } : outcome
    },
  }
}

/** Creates a registry of these tools. All their servers are connected. */
export function createRegistry(...tools: readonly Tool[]): ToolRegistry {
  const names = [...new Set(tools.map(({ server }) => server))]
  return {
    list: async (_signal, servers) => tools.filter(({ server }) => servers?.includes(server) ?? true),
    servers: () => names.map((name) => ({ name, transport: 'builtin', status: 'connected', tools: 1 })),
    inspect: async () => [],
    restart: () => undefined,
    close: async () => undefined,
  }
}

/** Creates a model that answers with these rounds in order, and then repeats the last one. `asked` lists its requests. */
export function createModel(...rounds: readonly (readonly (ChatEvent | Error)[])[]): {
  readonly chat: Chat
  readonly asked: ChatRequest[]
} {
  const asked: ChatRequest[] = []
  return {
    asked,
    chat: (request, call) => {
      const round = rounds[Math.min(asked.length, rounds.length - 1)] ?? []
      // a copy, because the loop adds to the same list of messages
      asked.push({ ...request, messages: [...request.messages] })
      return answering(...numberParts(round))(request, call)
    },
  }
}

/** Writes the events of a round with these calls. A name alone is a call without arguments. */
export function calling(
  ...calls: readonly (string | readonly [name: string, json: string, id?: string])[]
): ChatEvent[] {
  const events = calls.flatMap((call, part): ChatEvent[] => {
    const [name, json, id = `id-${name}`] = typeof call === 'string' ? [call, '{}'] : call
    return [
      { type: 'tool-call', choice: 0, part, id, name },
      { type: 'tool-arguments', choice: 0, part, json },
    ]
  })
  return [...events, { type: 'finish', choice: 0, reason: 'tool-calls' }]
}

/** Numbers the parts of a round in order. A test writes part 0 for text, and the index of a call among the round's calls. */
function numberParts(round: readonly (ChatEvent | Error)[]): (ChatEvent | Error)[] {
  let next = 0
  let textType: ChatEvent['type'] | undefined
  const calls = new Map<number, number>()
  return round.map((event) => {
    if (event instanceof Error || !isOfPart(event) || event.type === 'part-end') return event
    if (event.type === 'tool-arguments') return { ...event, part: calls.get(event.part) ?? event.part }
    if (event.type === 'tool-call') calls.set(event.part, next)
    const isNew = event.type === 'tool-call' || event.type !== textType
    textType = event.type === 'tool-call' ? undefined : event.type
    return { ...event, part: isNew ? next++ : next - 1 }
  })
}
