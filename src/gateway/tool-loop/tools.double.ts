import { type ChatEvent, isOfPart } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import type { Tool, ToolContext, ToolOutcome, ToolRegistry } from '../../tools/tool.ts'
import { answering } from '../chat.double.ts'

type Run = (args: Fields, context: ToolContext) => string | ToolOutcome | Promise<string | ToolOutcome>

/** A tool that does this; a text is a good outcome. */
export function aTool(name: string, run: Run, server = name.split('__', 1)[0] ?? name): Tool {
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

export function aRegistry(...tools: readonly Tool[]): ToolRegistry {
  const names = [...new Set(tools.map(({ server }) => server))]
  return {
    list: async (_signal, servers) => tools.filter(({ server }) => servers?.includes(server) ?? true),
    servers: () => names.map((name) => ({ name, transport: 'builtin', status: 'connected', tools: 1 })),
    close: async () => undefined,
  }
}

/** A model that says these, one after the other, and then the last again; and what it was asked. */
export function aModel(...rounds: readonly (readonly (ChatEvent | Error)[])[]): {
  readonly chat: Chat
  readonly asked: ChatRequest[]
} {
  const asked: ChatRequest[] = []
  return {
    asked,
    chat: (request, call) => {
      const round = rounds[Math.min(asked.length, rounds.length - 1)] ?? []
      // as it was then: the loop goes on with the same list of messages
      asked.push({ ...request, messages: [...request.messages] })
      return answering(...inOrder(round))(request, call)
    },
  }
}

/** A round that makes these calls; a name alone is called without arguments. */
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

/** A round whose events are written one by one, each of part 0 or of a call, with the parts that it has. */
function inOrder(round: readonly (ChatEvent | Error)[]): (ChatEvent | Error)[] {
  let next = 0
  let words: ChatEvent['type'] | undefined
  const calls = new Map<number, number>()
  return round.map((event) => {
    if (event instanceof Error || !isOfPart(event) || event.type === 'part-end') return event
    if (event.type === 'tool-arguments') return { ...event, part: calls.get(event.part) ?? event.part }
    if (event.type === 'tool-call') calls.set(event.part, next)
    const isNew = event.type === 'tool-call' || event.type !== words
    words = event.type === 'tool-call' ? undefined : event.type
    return { ...event, part: isNew ? next++ : next - 1 }
  })
}
