import type { ToolBounds } from '../../chat/model.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Layer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'
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

/** The limits for tools of all upstreams that may serve a model. */
export type BoundsFor = (model: string, signal: Cancel) => Promise<ToolBounds>

/**
 * Runs tools for clients that ask for it. They get an ordinary answer with one text. Other requests pass unchanged.
 */
export function toolLoop({ registry, limits, summaryModel }: ToolLoopOptions, boundsFor: BoundsFor): Layer {
  return (next) => (request, call) => {
    if (!asksForTools(request)) return next(request, call)
    return defer(async ({ signal }) => {
      const wishes = wantedTools(request, registry.servers())
      const run = runTools({
        ...wishes,
        chat: next,
        registry,
        limits,
        bounds: await boundsFor(wishes.request.model, signal),
        ...(summaryModel !== undefined && { summaryModel }),
      })
      return chatEvents(run(wishes.request, call))
    }, call.signal)
  }
}

function chatEvents(answer: Flow<LoopEvent>): Flow {
  return map(answer, (batch) => batch.filter(isChatEvent))
}
