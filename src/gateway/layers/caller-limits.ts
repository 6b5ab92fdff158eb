import type { Usage } from '../../chat/event.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { AdmittedRequest, RequestSize, RequestUse } from '../../keys/key-meter.ts'
import type { Limiter } from '../../keys/limiter.ts'

/** What is expected of a request, and what it cost in the end. */
export interface MeasuredRequest extends RequestSize {
  /** In USD; undefined if a price is not known. */
  costOf(usage: Usage, call: Call): number | undefined
}

/** Lets a request of a caller in only within the caller's limits. Requests of other callers are not touched. */
export function callerLimits<Asked>(
  limiter: Limiter,
  measure: (request: Asked) => MeasuredRequest,
): ObserverLayer<Asked, AnyEvent> {
  return (next) => (request, call) => {
    const { limits } = call.caller
    if (!limits) return next(request, call)
    return defer(async ({ signal }) => {
      const size = measure(request)
      const admission = await limiter.meterOf(call.caller).admit(size, limits, signal)
      try {
        return watch(next(request, call), new Admitted(admission, { size, call }))
      } catch (thrown) {
        admission.end(nothing)
        throw thrown
      }
    }, call.signal)
  }
}

interface StatedUsage {
  readonly type: 'usage'
  readonly usage: Usage
}

const nothing: RequestUse = { tokens: 0, cost: 0 }

/** Tells what one request has used when it ends. */
class Admitted<Event extends AnyEvent> implements Watcher<Event> {
  readonly #admission: AdmittedRequest
  readonly #measured: { readonly size: MeasuredRequest; readonly call: Call }
  #usage: Usage | undefined

  constructor(admission: AdmittedRequest, measured: { readonly size: MeasuredRequest; readonly call: Call }) {
    this.#admission = admission
    this.#measured = measured
  }

  onBatch(batch: Batch<Event>): void {
    for (const event of batch) if (isUsage(event)) this.#usage = event.usage
  }

  onEnd(ending: Ending): void {
    this.#admission.end(this.#useAt(ending))
  }

  /** Undefined if it is not known. A request that failed by itself and has no usage has used nothing; one whose client left may have. */
  #useAt(ending: Ending): RequestUse | undefined {
    const usage = this.#usage
    const { size, call } = this.#measured
    if (usage) return { tokens: tokensOf(usage), cost: size.costOf(usage, call) }
    return ending.kind === 'failed' && ending.error.reason !== 'cancelled' ? nothing : undefined
  }
}

function isUsage(event: AnyEvent): event is StatedUsage {
  return event.type === 'usage' && 'usage' in event
}

function tokensOf({ totalTokens, inputTokens = 0, outputTokens = 0 }: Usage): number {
  return Math.max(totalTokens ?? 0, inputTokens + outputTokens)
}
