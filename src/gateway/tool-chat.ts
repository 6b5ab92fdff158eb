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
  /** The caller's own model, which is asked in place of the configured upstreams. */
  readonly own?: Chat
  /** The limits of the own model for tools. */
  readonly ownBounds?: ToolBounds
  /** Whether the model is offered the gateway's tools. */
  readonly useTools: boolean
  /** The chosen tools. By default all tools are chosen. */
  readonly choice?: Pick<RunTools, 'servers' | 'isAllowed'>
}

/** A chat that runs tools and shows them. It offers all tools, if the model supports them. */
export type ToolChat = (request: ChatRequest, call: Call, wishes: ToolChatWishes) => Flow<LoopEvent>

export interface ToolChatOptions {
  /** The configured upstreams. */
  readonly chat: Chat
  readonly wrapOwn: (own: Chat) => Chat
  readonly tools: ToolLoopOptions | undefined
  /** Whether all upstreams that may serve the model support tools. */
  takesTools(model: string, signal: Cancel): Promise<boolean>
  readonly boundsFor: BoundsFor
  readonly runtime: Runtime
}

export function toolChat({ chat, wrapOwn, tools, takesTools, boundsFor, runtime }: ToolChatOptions): ToolChat {
  const refusals = new ToolRefusals(runtime)
  return (request, call, { own, ownBounds, useTools, choice }) =>
    defer<LoopEvent>(async ({ begin, signal }) => {
      const requestChat = own ? wrapOwn(own) : chat
      const isOffered =
        tools &&
        useTools &&
        (own !== undefined || (!refusals.has(request.model) && (await takesTools(request.model, signal))))
      if (!isOffered) return requestChat(request, call)
      const { registry, limits, summaryModel } = tools
      // content for a caller's own model must go to no other model, and the gateway must not pay for its summaries
      const summaries = own || summaryModel === undefined ? {} : { summaryModel }
      const bounds = own ? (ownBounds ?? {}) : await boundsFor(request.model, signal)
      const answer = runTools({ chat: requestChat, registry, limits, bounds, ...summaries, ...choice })(request, call)
      try {
        return await begin(answer)
      } catch (thrown) {
        // the caller did not demand tools, so it must get an answer even if the model refuses them
        if (own || !refusesTools(asChatError(thrown)) || signal.aborted) throw thrown
        refusals.add(request.model)
        call.log.warn(
          { model: request.model, err: thrown },
          'the model does not support tools, and is asked without them',
        )
        return requestChat(request, call)
      }
    }, call.signal)
}
