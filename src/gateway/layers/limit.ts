import type { Layer } from '../../chat/chat.ts'
import { ChatError } from '../../chat/error.ts'

/** Lets at most `permits` calls run at once; the next one is told to come back rather than queued. */
export function limit(permits: number): Layer {
  let running = 0
  return (next) =>
    async function* (request, call) {
      if (running >= permits)
        throw new ChatError('unavailable', {
          message: 'The gateway has all the requests it can carry.',
          retryAfterMs: 1_000,
        })
      running++
      try {
        yield* next(request, call)
      } finally {
        running--
      }
    }
}
