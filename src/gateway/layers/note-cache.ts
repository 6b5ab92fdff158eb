import type { CachePlace } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { watch } from '../../flow/watch.ts'
import type { WithAccount } from './account.ts'

/**
 * Notes that the upstream has read a prompt with this account, so that the next request of the conversation finds its cache.
 * @param place  how long the upstream keeps a prompt after its last use
 */
export function noteCache(
  place: Pick<CachePlace, 'upstream' | 'lifeMs'>,
): <Needs>(next: Chat<Needs & WithAccount>) => Chat<Needs & WithAccount> {
  return (next) => (request, call) => {
    const { cacheHome, account } = call
    const answer = next(request, call)
    if (!cacheHome) return answer
    return watch(answer, {
      onEnd({ kind }) {
        if (kind !== 'failed') cacheHome.note({ ...place, model: request.model, account: account.label })
      },
    })
  }
}
