import type { Call } from '../../chat/call.ts'
import type { Layer } from '../../chat/chat.ts'
import { asChatError, type ChatError } from '../../chat/error.ts'
import { type ChatEvent, isBlank, type Usage } from '../../chat/event.ts'
import { excerpt } from '../../chat/secret.ts'

interface Observed {
  readonly startedAt: number
  firstAt: number | undefined
  usage: Usage | undefined
  outcome: string
  failure: ChatError | undefined
}

/** Writes the one line of a call when it is over, however it ends. No word of what was asked or answered. */
export function observe(now: () => number = () => performance.now()): Layer {
  return (next) =>
    async function* (request, call) {
      const observed: Observed = {
        startedAt: now(),
        firstAt: undefined,
        usage: undefined,
        outcome: 'client_closed',
        failure: undefined,
      }
      try {
        for await (const event of next(request, call)) {
          note(observed, event, now)
          yield event
        }
        observed.outcome = 'ok'
      } catch (thrown) {
        observed.failure = asChatError(thrown)
        observed.outcome = observed.failure.code
        throw observed.failure
      } finally {
        report(call, request.model, observed, now())
      }
    }
}

function note(observed: Observed, event: ChatEvent, now: () => number): void {
  if (observed.firstAt === undefined && !isBlank(event)) observed.firstAt = now()
  if (event.type === 'usage') observed.usage = event.usage
}

function report(call: Call, model: string, observed: Observed, endedAt: number): void {
  const { startedAt, firstAt, usage, outcome, failure } = observed
  const line = {
    // the client's own word, of any length
    model: excerpt(model, 200),
    upstream: call.receipt.upstream,
    outcome,
    ...(failure?.upstreamStatus !== undefined && { upstreamStatus: failure.upstreamStatus }),
    ...(firstAt !== undefined && { firstEventMs: Math.round(firstAt - startedAt) }),
    durationMs: Math.round(endedAt - startedAt),
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    attempts: call.receipt.attempts,
  }
  if (failure?.reason === 'internal') call.log.error({ ...line, err: failure.cause }, 'chat')
  else if (failure && failure.reason !== 'cancelled') call.log.warn({ ...line, why: failure.message }, 'chat')
  else call.log.info(line, 'chat')
}
