import type { Usage } from '../../chat/event.ts'
import { excerpt } from '../../chat/secret.ts'
import { showsSomething } from '../../flow/begin.ts'
import type { Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { type Ending, watch } from '../../flow/watch.ts'
import type { LoopEvent } from '../tool-loop/events.ts'

interface Observed {
  readonly startedAt: number
  firstAt: number | undefined
  usage: Usage | undefined
}

interface Ended extends Observed {
  readonly ending: Ending
  readonly endedAt: number
}

/** Writes one log line for each call when it has ended. It has no text of the request or the answer. */
export function observe(): ObserverLayer<LoopEvent> {
  return (next) => (request, call) => {
    const { runtime } = call.signal
    const observed: Observed = { startedAt: runtime.elapsed(), firstAt: undefined, usage: undefined }
    return watch(next(request, call), {
      onBatch(batch) {
        if (observed.firstAt === undefined && showsSomething(batch)) observed.firstAt = runtime.elapsed()
        for (const event of batch) if (event.type === 'usage') observed.usage = event.usage
      },
      onEnd: (ending) => report(call, request.model, { ...observed, ending, endedAt: runtime.elapsed() }),
    })
  }
}

function report(call: Call, model: string, { startedAt, firstAt, usage, ending, endedAt }: Ended): void {
  const failure = ending.kind === 'failed' ? ending.error : undefined
  const line = {
    // the name comes from the client and may have any length
    model: excerpt(model, 200),
    upstream: call.receipt.upstream,
    account: call.receipt.account,
    ...(call.receipt.tools.size > 0 && { tools: [...call.receipt.tools] }),
    ...(call.receipt.lost.size > 0 && { lost: [...call.receipt.lost] }),
    outcome: failure?.ownCode ?? (ending.kind === 'done' ? 'ok' : 'client_closed'),
    ...(firstAt !== undefined && { firstEventMs: Math.round(firstAt - startedAt) }),
    durationMs: Math.round(endedAt - startedAt),
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    attempts: call.receipt.attempts,
  }
  if (!failure || failure.reason === 'cancelled') call.log.info(line, 'chat')
  else if (failure.reason === 'internal') call.log.error({ ...line, err: failure }, 'chat')
  else call.log.warn({ ...line, err: failure }, 'chat')
}
