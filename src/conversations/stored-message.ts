import type { Extras, Fields, ToolCall } from '../chat/message.ts'
import type { Shortened } from '../chat/tool-output.ts'

/** `failed`: it broke off, by itself or with the program. `cancelled`: its client wanted no more of it. */
export type Status = 'completed' | 'failed' | 'cancelled'

interface Stored {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly status: Status
  readonly content: string
  /** Whatever a surface wants to keep beside it. */
  readonly metadata?: Fields
}

export interface StoredUserMessage extends Stored {
  readonly role: 'user'
}

/** What the model said: in a round that called tools, or as its answer. */
export interface StoredAssistantMessage extends Stored {
  readonly role: 'assistant'
  readonly model: string
  readonly reasoning?: string
  /** What the reasoning has to be handed back with. */
  readonly reasoningExtra?: Fields
  /** What the message has to be handed back with, beside its reasoning and its calls. */
  readonly extra?: Extras
  readonly toolCalls: readonly ToolCall[]
}

/** What came of a call. Of one that was stopped it is not known whether it ran: `cancelled`. */
export interface StoredToolMessage extends Stored {
  readonly role: 'tool'
  readonly toolCallId: string
  readonly name: string
  readonly isError: boolean
  readonly shortened?: Shortened
  /** Whether the whole text is kept beside it. */
  readonly hasFull?: boolean
}

/** A message as it is kept, and shown. */
export type StoredMessage = StoredUserMessage | StoredAssistantMessage | StoredToolMessage
