import type { Call } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { WithAccount } from './account.ts'

/**
 * Notes that the upstream has read a prompt with this account, so that the next request of the conversation finds its cache.
 * @param cacheMs  milliseconds for which the upstream keeps a prompt after its last use
 */
export function noteCache(
  upstream: string,
  cacheMs: number,
): <Needs>(next: Chat<Needs & WithAccount>) => Chat<Needs & WithAccount> {
  return (next) => (request, call) => {
    const answer = next(request, call)
    return call.cacheHome ? watch(answer, new CacheNote(call, upstream, cacheMs)) : answer
  }
}

class CacheNote implements Watcher<unknown> {
  readonly #call: Call & WithAccount
  readonly #upstream: string
  readonly #cacheMs: number

  constructor(call: Call & WithAccount, upstream: string, cacheMs: number) {
    this.#call = call
    this.#upstream = upstream
    this.#cacheMs = cacheMs
  }

  onEnd({ kind }: Ending): void {
    if (kind !== 'failed') this.#call.cacheHome?.note(this.#upstream, this.#call.account.label, this.#cacheMs)
  }
}
