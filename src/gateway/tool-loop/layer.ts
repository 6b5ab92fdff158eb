import type { Layer } from '../../chat/chat.ts'
import { defer } from '../../chat/defer.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ToolRegistry } from '../../tools/tool.ts'
import { isChatEvent, type LoopEvent } from './events.ts'
import type { ToolLimits } from './limits.ts'
import { runTools } from './run-tools.ts'
import { asksForTools, wantedTools } from './wanted-tools.ts'

export interface ToolLoopOptions {
  readonly registry: ToolRegistry
  readonly limits: ToolLimits
  readonly summaryModel?: string
}

/**
 * Runs tools for clients that ask for it: what they get is an answer like any other, in one text. A request that asks
 * for none passes by.
 */
export function toolLoop({ registry, limits, summaryModel }: ToolLoopOptions): Layer {
  return (next) => (request, call) => {
    if (!asksForTools(request)) return next(request, call)
    return defer(async () => {
      const wanted = wantedTools(request, registry.servers())
      const run = runTools({
        ...wanted,
        chat: next,
        registry,
        limits,
        ...(summaryModel !== undefined && { summaryModel }),
      })
      return chatEvents(run(wanted.request, call))
    })
  }
}

async function* chatEvents(events: AsyncIterable<LoopEvent>): AsyncGenerator<ChatEvent> {
  for await (const event of events) if (isChatEvent(event)) yield event
}
