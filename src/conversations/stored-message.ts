import { type Extras, type Fields, type ImagePart, type Part, type ToolCallPart, wordsOf } from '../chat/message.ts'
import type { Shortened } from '../chat/tool-output.ts'

/** `failed`: it was interrupted by an error or by the end of the program. `cancelled`: its client stopped it. */
export type Status = 'completed' | 'failed' | 'cancelled'

interface Stored {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly status: Status
  /** Fields of the surface that stored it. */
  readonly metadata?: Fields
}

export interface StoredUserMessage extends Stored {
  readonly role: 'user'
  readonly content: string
}

/** A model's message: its tool calls in a round, or its answer. */
export interface StoredAssistantMessage extends Stored {
  readonly role: 'assistant'
  readonly model: string
  /** Reasoning, texts and calls in their order. */
  readonly parts: readonly Part[]
  /** Fields that the message must have when it is sent back, beside those of its parts. */
  readonly extra?: Extras
}

/** The result of a call. `cancelled`: the call was interrupted, and it is not known whether it ran. */
export interface StoredToolMessage extends Stored {
  readonly role: 'tool'
  readonly content: string
  readonly images?: readonly ImagePart[]
  readonly toolCallId: string
  readonly name: string
  readonly isError: boolean
  readonly shortened?: Shortened
  /** Whether the full text is stored too. */
  readonly hasFull?: boolean
}

/** A message as it is stored and shown. */
export type StoredMessage = StoredUserMessage | StoredAssistantMessage | StoredToolMessage

/** The text of a message. The text of an answer has no reasoning and no calls. */
export function contentOf(message: StoredMessage): string {
  return message.role === 'assistant' ? wordsOf(message.parts) : message.content
}

/** The tool calls of a message, in order. */
export function callsIn(message: StoredMessage): readonly ToolCallPart[] {
  return message.role === 'assistant' ? message.parts.filter((part) => part.type === 'tool-call') : []
}
