import type { Attributes } from '@opentelemetry/api'
import { excerpt } from '../chat/secret.ts'
import type { Receipt } from '../flow/call.ts'
import type { TracedRequest } from '../flow/span.ts'
import type { CallRecord } from '../gateway/call-record.ts'

const maxName = 200

/** What is known of a request when it has come. */
export function requestAttributes({ id, method, route, surface, key }: TracedRequest): Attributes {
  return {
    'http.request.method': method,
    'http.route': route,
    'tributary.request.id': id,
    'tributary.surface': surface,
    'tributary.key': excerpt(key, maxName),
  }
}

/**
 * What is known of a request when its answer has ended. It has no `gen_ai.usage`: the attempts have that, and whoever adds it up over
 * all spans would count it twice.
 */
export function addCall(attributes: Attributes, { call, model, outcome, usage, ...record }: CallRecord): void {
  const { receipt } = call
  const { firstEventMs } = record
  const values = {
    'tributary.model': excerpt(model, maxName),
    'tributary.outcome': outcome,
    'tributary.upstream': receipt.upstream,
    'tributary.attempts': receipt.attempts,
    'tributary.streamed': record.isStreamed,
    'tributary.first_event_ms': firstEventMs === undefined ? undefined : Math.round(firstEventMs),
    'tributary.queued_ms': receipt.queuedMs === undefined ? undefined : Math.round(receipt.queuedMs),
    'tributary.hedged': receipt.isHedged,
    'tributary.input_tokens': usage?.inputTokens,
    'tributary.output_tokens': usage?.outputTokens,
    'tributary.usage.source': usage?.source,
    'tributary.cost_usd': costOf(receipt),
  }
  for (const [name, value] of Object.entries(values)) if (value !== undefined) attributes[name] = value
}

/** The cost of all answers; undefined if that of one is not known. */
function costOf({ answers }: Receipt): number | undefined {
  let sum: number | undefined
  for (const { cost } of answers) {
    if (cost?.usd === undefined) return undefined
    sum = (sum ?? 0) + cost.usd
  }
  return sum
}
