import type { Message } from './message.ts'

/** A conversation, cut after its last answer. */
export interface SplitConversation {
  /** Up to and with the last answer of the assistant; empty where there is none. */
  readonly before: readonly Message[]
  /** What was said since. */
  readonly turn: readonly Message[]
}

/** Cuts a conversation into what an upstream that keeps it has heard already, and what is new. */
export function splitTurn(messages: readonly Message[]): SplitConversation {
  const answered = messages.findLastIndex(({ role }) => role === 'assistant') + 1
  return { before: messages.slice(0, answered), turn: messages.slice(answered) }
}
