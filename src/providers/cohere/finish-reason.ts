import { ChatError } from '../../chat/error.ts'
import type { FinishReason } from '../../chat/event.ts'
import { statusError } from '../../wire/http-status.ts'

/** Cohere, Chat v2 finish reasons, and the older ones of v1, which still occur. */
const finishes: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool-calls'],
  ['ERROR_TOXIC', 'content-filter'],
])

/** @throws ChatError for an end that reports a failure */
export function finishReason(wire: string, error: string | null | undefined): FinishReason {
  if (wire === 'TIMEOUT') throw new ChatError('timeout', { message: 'The upstream ran out of time within its answer.' })
  if (wire === 'ERROR_LIMIT')
    throw new ChatError('invalid-request', {
      message: 'The conversation is too long for this model.',
      code: 'context_length_exceeded',
    })
  if (wire === 'ERROR' || wire === 'USER_CANCEL') {
    throw statusError({ status: 0 }, error ? { message: error } : {})
  }
  return finishes.get(wire) ?? 'other'
}
