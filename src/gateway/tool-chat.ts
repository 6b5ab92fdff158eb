import { asChatError } from '../chat/error.ts'
import type { ToolBounds } from '../chat/model.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Call } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Chat } from '../flow/chat.ts'
import { defer } from '../flow/defer.ts'
import type { Flow } from '../flow/flow.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { LoopEvent } from './tool-loop/events.ts'
import type { BoundsFor, ToolLoopOptions } from './tool-loop/layer.ts'
import { type RunTools, runTools } from './tool-loop/run-tools.ts'
import { refusesTools, ToolRefusals } from './tool-refusals.ts'

export interface ToolChatWishes {
  /** Who is asked in place of the configured upstreams: the caller's own, paid for by the caller. */
  readonly own?: Chat
  /** How much it takes of tools. */
  readonly ownBounds?: ToolBounds
  /** Whether the model is offered the gateway's tools. */
  readonly useTools: boolean
  /** Which of them; all, where it does not say. */
  readonly choice?: Pick<RunTools, 'servers' | 'isAllowed'>
}

/** A chat that shows the tools it runs: all there are, where the model takes tools. */
export type ToolChat = (request: ChatRequest, call: Call, wishes: ToolChatWishes) => Flow<LoopEvent>

export interface ToolChatOptions {
  /** The configured upstreams, and what a caller's own has to go through. */
  readonly chat: Chat
  readonly around: (own: Chat) => Chat
  readonly tools: ToolLoopOptions | undefined
  /** Whether whoever serves a model takes tools. */
  takesTools(model: string, signal: Cancel): Promise<boolean>
  readonly boundsFor: BoundsFor
  readonly runtime: Runtime
}

export function toolChat({ chat, around, tools, takesTools, boundsFor, runtime }: ToolChatOptions): ToolChat {
  const refusals = new ToolRefusals(runtime)
  return (request, call, { own, ownBounds, useTools, choice }) =>
    defer<LoopEvent>(async ({ begin, signal }) => {
      const asked = own ? around(own) : chat
      const isOffered =
        tools &&
        useTools &&
        (own !== undefined || (!refusals.has(request.model) && (await takesTools(request.model, signal))))
      if (!isOffered) return asked(request, call)
      const { registry, limits, summaryModel } = tools
      // what a caller's own model is asked stays there: no other sees it, nor is it paid for by us
      const summaries = own || summaryModel === undefined ? {} : { summaryModel }
      const bounds = own ? (ownBounds ?? {}) : await boundsFor(request.model, signal)
      const answer = runTools({ chat: asked, registry, limits, bounds, ...summaries, ...choice })(request, call)
      try {
        return await begin(answer)
      } catch (thrown) {
        // the caller asked for no tools: what we offer must not cost it its answer
        if (own || !refusesTools(asChatError(thrown)) || signal.aborted) throw thrown
        refusals.add(request.model)
        call.log.warn({ model: request.model, err: thrown }, 'the model takes no tools: it is asked without')
        return asked(request, call)
      }
    }, call.signal)
}
