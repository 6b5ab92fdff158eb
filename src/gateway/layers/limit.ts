import { ChatError } from '../../chat/error.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { watch } from '../../flow/watch.ts'
import type { Permits } from '../permits.ts'

/** Lets a call run if a permit is left. Otherwise the caller must try again, because calls are not queued. */
export function limit(permits: Permits): ObserverLayer {
  return (next) => (request, call) => {
    let isRunning = false
    return watch(next(request, call), {
      onRead() {
        if (isRunning) return
        if (!permits.take()) throw noPermit()
        isRunning = true
      },
      onEnd() {
        if (isRunning) permits.release()
      },
    })
  }
}

function noPermit(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway already runs as many requests as it may. Try again in a moment.',
    retryAfterMs: 1_000,
  })
}
