import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { AssistantMessage, ToolCallPart } from '../../chat/message.ts'
import type { ToolOutput } from '../../chat/tool-output.ts'

/** The model's turn has ended, and these calls run now. Their ids are unique in the conversation. */
export interface ToolCallsEvent {
  readonly type: 'tool-calls'
  /** The model's message of this round, which is sent back to it: reasoning, texts and calls in order. */
  readonly message: AssistantMessage
  /** The calls of `message`. */
  readonly calls: readonly ToolCallPart[]
}

/** Partial output of a running tool, or of the summary of its result. */
export interface ToolOutputEvent {
  readonly type: 'tool-output'
  readonly source: 'tool' | 'summary'
  readonly toolCallId: string
  readonly text: string
}

/** The result of a call. Each call has exactly one, after all its output. */
export interface ToolResultEvent extends ToolOutput {
  readonly type: 'tool-result'
  readonly toolCallId: string
  readonly name: string
  /** The full text, if `content` is shortened. */
  readonly full?: string
  /** The tokens of the summary. */
  readonly summaryUsage?: Usage
}

/**
 * An event of a chat that runs tools. Its chat events alone are an ordinary answer, with one finish and one usage. They
 * only show the calls that the client must run.
 */
export type LoopEvent = ChatEvent | ToolCallsEvent | ToolOutputEvent | ToolResultEvent

export function isChatEvent(event: LoopEvent): event is ChatEvent {
  return event.type !== 'tool-calls' && event.type !== 'tool-output' && event.type !== 'tool-result'
}
