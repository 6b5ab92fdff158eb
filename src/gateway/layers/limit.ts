import { ChatError } from '../../chat/error.ts'
import { watch } from '../../chat/watch.ts'
import type { Onlooker } from '../../flow/chat.ts'

/** Lets at most `permits` calls run at once; the next one is told to come back rather than queued. */
export function limit(permits: number): Onlooker {
  let running = 0
  return (next) => (request, call) => {
    let isRunning = false
    return watch(next(request, call), {
      asked() {
        if (isRunning) return
        if (running >= permits) throw full()
        running++
        isRunning = true
      },
      ended() {
        if (isRunning) running--
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
