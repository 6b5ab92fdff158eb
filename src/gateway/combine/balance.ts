import { asChatError, ChatError } from '../../chat/error.ts'
import type { Combine } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { RecentFailures } from './recent-failures.ts'

/**
 * Makes one chat of several that can replace each other. Each call begins with the next chat in turn, and tries the
 * others if that one fails. A chat that has just failed comes last, so that few calls need a second attempt.
 */
export function balance(failures: RecentFailures): Combine {
  return (chats) => {
    let turn = 0
    return (request, call) =>
      defer(async ({ begin, signal }) => {
        let last: ChatError | undefined
        const inOrder = orderFor(chats, failures, turn++)
        for (const [at, chat] of inOrder.entries()) {
          const { spent } = call.attempts
          try {
            const begun = await begin(chat(request, call))
            failures.noteSuccess(chat)
            return begun
          } catch (thrown) {
            const error = asChatError(thrown)
            if (error.meaning.breaker) failures.noteFailure(chat)
            const wasAsked = call.attempts.spent > spent
            // an error of a chat that was not asked (its retry budget is spent) explains less than an earlier error
            if (wasAsked || !last) last = error
            const isLast = at === inOrder.length - 1 || call.attempts.left === 0 || signal.aborted
            if (isLast || (wasAsked && error.meaning.retry === 'none')) break
          }
        }
        throw last ?? new ChatError('unavailable', { message: 'No upstream can be asked.', code: 'no_account' })
      }, call.signal)
  }
}

/**
 * Returns the chats in the order in which a call asks them: the trusted ones in turn, then those that have just
 * failed.
 */
function orderFor<Chat extends object>(
  chats: readonly Chat[],
  failures: RecentFailures,
  turn: number,
): readonly Chat[] {
  const { trusted = [], mistrusted = [] } = Object.groupBy(chats, (chat) =>
    failures.mistrustedForMs(chat) > 0 ? 'mistrusted' : 'trusted',
  )
  return [...rotate(trusted, turn), ...rotate(mistrusted, turn)]
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const first = items.length === 0 ? 0 : by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
