import type { FinishReason, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { brokenAnswer } from '../../chat/reply-errors.ts'
import { isFields } from '../fields.ts'

/** How a response ended. */
export interface ResponseOutcome {
  readonly reason: FinishReason
  /** The service's own word for the reason. */
  readonly raw: string
  readonly usage: Usage | undefined
}

/** OpenAI, Responses API reference, `incomplete_details` */
const reasons: ReadonlyMap<unknown, FinishReason> = new Map([
  ['max_output_tokens', 'length'],
  ['content_filter', 'content-filter'],
])

/** Reads how a response ended. @throws ChatError if it has not ended */
export function readEnd({ status, incomplete_details: details }: Fields, usage: Usage | undefined): ResponseOutcome {
  if (status === 'in_progress' || status === 'queued') throw brokenAnswer()
  const reason: unknown = isFields(details) ? details.reason : undefined
  if (status !== 'incomplete' && reason === undefined) return { reason: 'stop', raw: 'completed', usage }
  return {
    reason: reasons.get(reason) ?? 'other',
    raw: typeof reason === 'string' ? reason : 'incomplete',
    usage,
  }
}
