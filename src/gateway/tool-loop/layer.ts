import { defer } from '../../chat/defer.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ToolBounds } from '../../chat/model.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Layer } from '../../flow/chat.ts'
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

/** How much the upstreams that may serve a model take of tools. */
export type BoundsFor = (model: string, signal: Cancel) => Promise<ToolBounds>

/**
 * Runs tools for clients that ask for it: what they get is an answer like any other, in one text. A request that asks
 * for none passes by.
 */
export function toolLoop({ registry, limits, summaryModel }: ToolLoopOptions, boundsFor: BoundsFor): Layer {
  return (next) => (request, call) => {
    if (!asksForTools(request)) return next(request, call)
    return defer(async () => {
      const wanted = wantedTools(request, registry.servers())
      const run = runTools({
        ...wanted,
        chat: next,
        registry,
        limits,
        bounds: await boundsFor(wanted.request.model, call.signal),
        ...(summaryModel !== undefined && { summaryModel }),
      })
      return chatEvents(run(wanted.request, call))
    })
  }
}

async function* chatEvents(events: AsyncIterable<LoopEvent>): AsyncGenerator<ChatEvent> {
  for await (const event of events) if (isChatEvent(event)) yield event
}
