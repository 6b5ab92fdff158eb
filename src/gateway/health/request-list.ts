import type { LiveAccount } from '../../accounts/live-account.ts'
import { withAccount } from '../../accounts/with-account.ts'
import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { orAbort } from '../../flow/wait.ts'
import type { Upstream } from '../../providers/provider.ts'

/** Milliseconds that the upstream has for its list, and its sign-in service for a renewal before. */
const answerMs = 10_000

/**
 * Requests the list of models, the cheapest request that shows whether an upstream and an account of it work. The credential
 * is renewed first if necessary. An upstream without a list is not asked.
 * @throws ChatError
 */
export async function requestList(upstream: Upstream, account: LiveAccount, closing: Cancel): Promise<void> {
  const limit = closing.child()
  const late = new ChatError('timeout', { message: `There was no list within ${answerMs / 1_000} s.` })
  const timer = closing.runtime.timers.set(answerMs, () => limit.abort(late), { isBackground: true })
  try {
    await withAccount(account, limit, async (current) => {
      await orAbort(Promise.resolve(upstream.listModels?.(current, limit)), limit)
    })
  } finally {
    timer.stop()
    limit.release()
  }
}
