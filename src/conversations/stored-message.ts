import { type Extras, type Fields, type ImagePart, type Part, type ToolCallPart, wordsOf } from '../chat/message.ts'
import type { Shortened } from '../chat/tool-output.ts'

/** `failed`: it broke off, by itself or with the program. `cancelled`: its client wanted no more of it. */
export type Status = 'completed' | 'failed' | 'cancelled'

interface Stored {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly status: Status
  /** Whatever a surface wants to keep beside it. */
  readonly metadata?: Fields
}

export interface StoredUserMessage extends Stored {
  readonly role: 'user'
  readonly content: string
}

/** What the model said: in a round that called tools, or as its answer. */
export interface StoredAssistantMessage extends Stored {
  readonly role: 'assistant'
  readonly model: string
  /** Thoughts, texts and calls in the order in which they came. */
  readonly parts: readonly Part[]
  /** What the message has to be handed back with, beside its parts. */
  readonly extra?: Extras
}

/** What came of a call. Of one that was stopped it is not known whether it ran: `cancelled`. */
export interface StoredToolMessage extends Stored {
  readonly role: 'tool'
  readonly content: string
  readonly images?: readonly ImagePart[]
  readonly toolCallId: string
  readonly name: string
  readonly isError: boolean
  readonly shortened?: Shortened
  /** Whether the whole text is kept beside it. */
  readonly hasFull?: boolean
}

/** A message as it is kept, and shown. */
export type StoredMessage = StoredUserMessage | StoredAssistantMessage | StoredToolMessage

/** What a message says: of an answer its words alone. */
export function contentOf(message: StoredMessage): string {
  return message.role === 'assistant' ? wordsOf(message.parts) : message.content
}

/** The calls that it makes, in order. */
export function callsIn(message: StoredMessage): readonly ToolCallPart[] {
  return message.role === 'assistant' ? message.parts.filter((part) => part.type === 'tool-call') : []
}
