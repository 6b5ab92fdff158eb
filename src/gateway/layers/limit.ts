import { ChatError } from '../../chat/error.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { watch } from '../../flow/watch.ts'
import type { Permits } from '../permits.ts'

/** Lets a call run where a permit is left; the next one is told to come back rather than queued. */
export function limit(permits: Permits): ObserverLayer {
  return (next) => (request, call) => {
    let isRunning = false
    return watch(next(request, call), {
      onRead() {
        if (isRunning) return
        if (!permits.take()) throw full()
        isRunning = true
      },
      onEnd() {
        if (isRunning) permits.giveBack()
      },
    })
  }
}

function full(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway has all the requests it can carry.',
    retryAfterMs: 1_000,
  })
}
