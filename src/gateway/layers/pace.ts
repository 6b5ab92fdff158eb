import { ChatError } from '../../chat/error.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { sleep } from '../../flow/wait.ts'

/** Milliseconds that a request waits at most for its time. */
const maxWaitMs = 60_000
const minuteMs = 60_000

/**
 * Keeps to the number of requests that the operator allows in a minute: they begin at equal distances, as a person's would.
 * All that it wraps share the number. Without one nothing is changed.
 */
export function pace(name: string, maxRpm: number | undefined): ObserverLayer {
  const stepMs = maxRpm === undefined ? 0 : minuteMs / maxRpm
  let nextAt = 0
  return (next) => {
    if (maxRpm === undefined) return next
    return (request, call) => {
      const now = call.signal.runtime.elapsed()
      const waitMs = Math.max(0, nextAt - now)
      if (waitMs > maxWaitMs) throw tooMany(name, waitMs)
      nextAt = now + waitMs + stepMs
      if (waitMs === 0) return next(request, call)
      return defer(async ({ signal }) => {
        await sleep(waitMs, signal)
        return next(request, call)
      }, call.signal)
    }
  }
}

function tooMany(upstream: string, retryAfterMs: number): ChatError {
  return new ChatError('unavailable', {
    message: `The upstream "${upstream}" gets only as many requests in a minute as the operator allows, and too many are waiting.`,
    code: 'upstream_pace',
    retryAfterMs,
  })
}
