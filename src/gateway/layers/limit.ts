import type { Layer } from '../../chat/chat.ts'
import { failing } from '../../chat/defer.ts'
import { ChatError } from '../../chat/error.ts'
import { watch } from '../../chat/watch.ts'

/** Lets at most `permits` calls run at once; the next one is told to come back rather than queued. */
export function limit(permits: number): Layer {
  let running = 0
  const release = () => {
    running--
  }
  return (next) => (request, call) => {
    if (running >= permits) {
      const message = 'The gateway has all the requests it can carry.'
      return failing(new ChatError('unavailable', { message, retryAfterMs: 1_000 }))
    }
    running++
    return watch(next(request, call), { ended: release })
  }
}
