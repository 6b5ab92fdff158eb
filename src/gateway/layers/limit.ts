import { ChatError } from '../../chat/error.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import type { Permits } from '../permits.ts'

/** Counts the calls that run at an upstream, and lets no more begin than there are permits. */
export function limit(permits: Permits): ObserverLayer {
  return (next) => (request, call) => watch(next(request, call), new Permit(permits))
}

/** The permit of one call, which it takes with its first read. */
class Permit implements Watcher<unknown> {
  readonly #permits: Permits
  #isTaken = false

  constructor(permits: Permits) {
    this.#permits = permits
  }

  onStart(): void {
    if (!this.#permits.take()) throw noPermit()
    this.#isTaken = true
  }

  onEnd(): void {
    if (this.#isTaken) this.#permits.release()
  }
}

function noPermit(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway already runs as many requests as it may. Try again in a moment.',
    retryAfterMs: 1_000,
  })
}
