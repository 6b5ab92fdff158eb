import type { Attributes } from '@opentelemetry/api'
import { excerpt } from '../chat/secret.ts'
import type { TracedRequest } from '../flow/span.ts'
import type { CallRecord } from '../gateway/call-record.ts'
import { sumCosts } from '../gateway/sum-costs.ts'
import { putAttribute } from './put-attribute.ts'

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
export function addCall(attributes: Attributes, record: CallRecord): void {
  const { usage, firstEventMs } = record
  const { receipt } = record.call
  attributes['tributary.model'] = excerpt(record.model, maxName)
  attributes['tributary.outcome'] = record.outcome
  attributes['tributary.attempts'] = receipt.attempts
  putAttribute(attributes, 'tributary.upstream', receipt.upstream)
  putAttribute(attributes, 'tributary.streamed', record.isStreamed)
  if (firstEventMs !== undefined) attributes['tributary.first_event_ms'] = Math.round(firstEventMs)
  if (receipt.queuedMs !== undefined) attributes['tributary.queued_ms'] = Math.round(receipt.queuedMs)
  if (receipt.isHedged) attributes['tributary.hedged'] = true
  putAttribute(attributes, 'tributary.input_tokens', usage?.inputTokens)
  putAttribute(attributes, 'tributary.output_tokens', usage?.outputTokens)
  putAttribute(attributes, 'tributary.usage.source', usage?.source)
  putAttribute(attributes, 'tributary.cost_usd', sumCosts(receipt.answers, 'usd'))
}
