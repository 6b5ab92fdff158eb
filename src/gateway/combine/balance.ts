import { begin } from '../../chat/begin.ts'
import type { Combine } from '../../chat/chat.ts'
import { asChatError, ChatError } from '../../chat/error.ts'
import { maxAttempts } from '../layers/retry.ts'

/** One chat of several that can stand in for each other: each call begins with the next one in turn, and fails over to the rest. */
export const balance: Combine = (chats) => {
  let turn = 0
  return async function* (request, call) {
    const first = turn++
    for (let at = 0; at < chats.length; at++) {
      const chat = chats[(first + at) % chats.length]
      if (!chat) continue
      const begun = await begin(chat(request, call)).catch(asChatError)
      if (!(begun instanceof ChatError)) {
        yield* begun.events
        return
      }
      const isLast = at === chats.length - 1 || call.receipt.attempts >= maxAttempts || call.signal.aborted
      if (isLast || begun.meaning.retry === 'none') throw begun
    }
  }
}
