import { ChatError } from '../../chat/error.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import type { Permits } from '../permits.ts'
import type { SpareMemory } from '../spare-memory.ts'

/** So many calls may always run, because memory that only garbage occupies becomes free again by use. */
const alwaysAllowed = 8

/**
 * Lets a call run if a permit and memory are left. Otherwise the caller must try again, because calls are not queued.
 * @param memory absent if another layer has looked at the memory
 */
export function limit(permits: Permits, memory?: SpareMemory): ObserverLayer {
  return (next) => (request, call) => watch(next(request, call), new Permit(permits, memory))
}

/** The permit of one call, which it takes with its first read. */
class Permit implements Watcher<unknown> {
  readonly #permits: Permits
  readonly #memory: SpareMemory | undefined
  #isTaken = false

  constructor(permits: Permits, memory: SpareMemory | undefined) {
    this.#permits = permits
    this.#memory = memory
  }

  onStart(): void {
    if (this.#permits.taken >= alwaysAllowed && this.#memory?.isLeft() === false) throw noMemory()
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

function noMemory(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway has not enough memory for another request. Try again in a moment.',
    retryAfterMs: 1_000,
  })
}
