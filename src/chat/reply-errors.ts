import { ChatError } from './error.ts'
import type { FinishReason, Usage } from './event.ts'

export function unknownReply(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

export function brokenAnswer(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}

export function emptyAnswer(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream ended without an answer.',
    code: 'upstream_empty_response',
  })
}

/** Whether an answer may be empty: the model was cut short or filtered, or it counted tokens that it does not show. */
export function mayBeEmpty(reason: FinishReason, usage: Usage | undefined): boolean {
  return reason === 'length' || reason === 'content-filter' || (reason === 'stop' && Boolean(usage?.outputTokens))
}
