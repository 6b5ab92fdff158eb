import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { AssistantMessage, ToolCallPart } from '../../chat/message.ts'
import type { ToolOutput } from '../../chat/tool-output.ts'

/** The model's turn is over, and these calls are run now. No id among them comes twice in a conversation. */
export interface ToolCallsEvent {
  readonly type: 'tool-calls'
  /** All that it said in this round, as it is handed back to it: thoughts, texts and calls in order. */
  readonly message: AssistantMessage
  /** The calls of `message`. */
  readonly calls: readonly ToolCallPart[]
}

/** Partial output of a tool that runs, or the summary of its result as it is written. */
export interface ToolOutputEvent {
  readonly type: 'tool-output'
  readonly source: 'tool' | 'summary'
  readonly toolCallId: string
  readonly text: string
}

/** What came of a call: exactly one for each, after all its output. */
export interface ToolResultEvent extends ToolOutput {
  readonly type: 'tool-result'
  readonly toolCallId: string
  readonly name: string
  /** The whole text, where `content` is less. */
  readonly full?: string
  /** Tokens that the summary took. */
  readonly summaryUsage?: Usage
}

/**
 * A chat that runs tools. Its chat events alone are a stream like any other, with one finish and one usage: of the calls
 * they show only those that are the client's to run.
 */
export type LoopEvent = ChatEvent | ToolCallsEvent | ToolOutputEvent | ToolResultEvent

export function isChatEvent(event: LoopEvent): event is ChatEvent {
  return event.type !== 'tool-calls' && event.type !== 'tool-output' && event.type !== 'tool-result'
}
