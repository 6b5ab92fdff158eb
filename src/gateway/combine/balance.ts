import { asChatError, ChatError } from '../../chat/error.ts'
import type { Chat, Combine } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'

/** Milliseconds in which a chat that failed is begun with only where all have. */
const mistrustMs = 10_000

/**
 * One chat of several that can stand in for each other: each call begins with the next one in turn, and fails over to the
 * rest. One that has just failed comes last, so that few calls need a second attempt.
 */
export const balance: Combine = (chats) => {
  const order = new Order(chats)
  return (request, call) =>
    defer(async ({ begin, signal }) => {
      let last: ChatError | undefined
      const inOrder = order.next()
      for (const [at, chat] of inOrder.entries()) {
        const { spent } = call.attempts
        try {
          const begun = await begin(chat(request, call))
          order.succeeded(chat)
          return begun
        } catch (thrown) {
          const error = asChatError(thrown)
          if (error.meaning.breaker) order.failed(chat)
          const wasAsked = call.attempts.spent > spent
          // one that could not be asked (its budget for retries is spent) knows less than the one before
          if (wasAsked || !last) last = error
          const isLast = at === inOrder.length - 1 || call.attempts.left === 0 || signal.aborted
          if (isLast || (wasAsked && error.meaning.retry === 'none')) break
        }
      }
      throw last ?? new ChatError('unavailable', { message: 'There is nobody to ask.', code: 'no_account' })
    }, call.signal)
}

/** Whose turn it is. */
class Order {
  readonly #chats: readonly Chat[]
  /** When a chat failed that has not answered since, by `performance.now()`. */
  readonly #failedAt = new Map<Chat, number>()
  #turn = 0

  constructor(chats: readonly Chat[]) {
    this.#chats = chats
  }

  next(): readonly Chat[] {
    const turn = this.#turn++
    const trusted = this.#chats.filter((chat) => this.#isTrusted(chat))
    const others = this.#chats.filter((chat) => !trusted.includes(chat))
    return [...rotated(trusted, turn), ...rotated(others, turn)]
  }

  failed(chat: Chat): void {
    this.#failedAt.set(chat, performance.now())
  }

  succeeded(chat: Chat): void {
    this.#failedAt.delete(chat)
  }

  #isTrusted(chat: Chat): boolean {
    const failedAt = this.#failedAt.get(chat)
    return failedAt === undefined || performance.now() - failedAt >= mistrustMs
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = items.length === 0 ? 0 : by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
