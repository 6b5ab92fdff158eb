import type { Conversation } from './conversation.ts'

/** A check that failed, with the conversation whose bytes show it. */
export class Failure extends Error {
  readonly conversation: Conversation | undefined

  constructor(message: string, conversation?: Conversation) {
    super(message)
    this.name = 'Failure'
    this.conversation = conversation
  }
}

/** A check that cannot be made here. */
export class NotApplicable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotApplicable'
  }
}

/** Throws a `Failure` unless the condition is true. */
export function expect(isSo: boolean, message: string | (() => string), conversation?: Conversation): asserts isSo {
  if (!isSo) throw new Failure(typeof message === 'string' ? message : message(), conversation)
}
