import type { Call } from '../chat/call.ts'
import type { Chat } from '../chat/chat.ts'
import { defer } from '../chat/defer.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { LoopEvent } from './tool-loop/events.ts'
import type { ToolLoopOptions } from './tool-loop/layer.ts'
import { runTools } from './tool-loop/run-tools.ts'

export interface ToolChatWishes {
  /** Who is asked in place of the configured upstreams: the caller's own, paid for by the caller. */
  readonly own?: Chat
  /** Whether the model is offered the gateway's tools. */
  readonly useTools: boolean
}

/** A chat that shows the tools it runs: all there are, where the model takes tools. */
export type ToolChat = (request: ChatRequest, call: Call, wishes: ToolChatWishes) => AsyncIterable<LoopEvent>

export interface ToolChatOptions {
  /** The configured upstreams, and what a caller's own has to go through. */
  readonly chat: Chat
  readonly around: (own: Chat) => Chat
  readonly tools: ToolLoopOptions | undefined
  /** Whether whoever serves a model takes tools. */
  takesTools(model: string, signal: AbortSignal): Promise<boolean>
}

export function toolChat({ chat, around, tools, takesTools }: ToolChatOptions): ToolChat {
  return (request, call, { own, useTools }) =>
    defer<LoopEvent>(async () => {
      const asked = own ? around(own) : chat
      const isOffered = tools && useTools && (own !== undefined || (await takesTools(request.model, call.signal)))
      if (!isOffered) return asked(request, call)
      const { registry, limits, summaryModel } = tools
      // what a caller's own model is asked stays there: no other sees it, nor is it paid for by us
      const summaries = own || summaryModel === undefined ? {} : { summaryModel }
      return runTools({ chat: asked, registry, limits, ...summaries })(request, call)
    })
}
