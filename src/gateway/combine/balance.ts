import { beginOrError } from '../../chat/begin.ts'
import type { Combine } from '../../chat/chat.ts'
import { defer } from '../../chat/defer.ts'
import { ChatError } from '../../chat/error.ts'
import { maxAttempts } from '../layers/retry.ts'

/** One chat of several that can stand in for each other: each call begins with the next one in turn, and fails over to the rest. */
export const balance: Combine = (chats) => {
  let turn = 0
  return (request, call) =>
    defer(async () => {
      const first = turn++
      for (let at = 0; ; at++) {
        const chat = chats[(first + at) % chats.length]
        if (!chat) throw new ChatError('unavailable', { message: 'There is nobody to ask.', code: 'no_account' })
        const begun = await beginOrError(() => chat(request, call))
        if (!(begun instanceof ChatError)) return begun.events
        const isLast = at === chats.length - 1 || call.receipt.attempts >= maxAttempts || call.signal.aborted
        if (isLast || begun.meaning.retry === 'none') throw begun
      }
    })
}
