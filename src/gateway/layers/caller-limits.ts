import { noteQueued } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import type { RequestSize } from '../../keys/key-meter.ts'
import type { Limiter } from '../../keys/limiter.ts'

/**
 * Lets a request in only within its caller's limits, perhaps after a wait. Requests of callers without limits are not touched. What the answers have
 * used is counted elsewhere, at the end of each.
 * @param measure says what a request is expected to use
 */
export function callerLimits<Asked>(limiter: Limiter, measure: (request: Asked) => RequestSize): ObserverLayer<Asked> {
  return (next) => (request, call) => {
    const { limits } = call.caller
    if (!limits) return next(request, call)
    return defer(async ({ signal }) => {
      const since = signal.runtime.elapsed()
      const end = await limiter
        .meterOf(call.caller)
        .admit(measure(request), limits, signal)
        .finally(() => noteQueued(call.receipt, signal.runtime.elapsed() - since))
      try {
        return watch(next(request, call), new AdmittedRequest(end))
      } catch (thrown) {
        end()
        throw thrown
      }
    }, call.signal)
  }
}

class AdmittedRequest implements Watcher<unknown> {
  readonly onEnd: () => void

  constructor(end: () => void) {
    this.onEnd = end
  }
}
