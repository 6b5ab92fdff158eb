import type { Message } from './message.ts'

/** A conversation, split after its last answer. */
export interface SplitConversation {
  /** The messages up to the last answer, which is included; empty if there is no answer. */
  readonly before: readonly Message[]
  /** The messages after the last answer. */
  readonly turn: readonly Message[]
}

/** Splits a conversation into the messages that an upstream with threads already has, and the new ones. */
export function splitTurn(messages: readonly Message[]): SplitConversation {
  const firstNew = messages.findLastIndex(({ role }) => role === 'assistant') + 1
  return { before: messages.slice(0, firstNew), turn: messages.slice(firstNew) }
}
