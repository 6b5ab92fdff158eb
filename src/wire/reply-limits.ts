import { ChatError } from '../chat/error.ts'

/** Limit for the tool calls of one reply; agents make dozens. */
export const maxCalls = 1_024

/**
 * The error for an upstream's reply that is too expensive to read. It is not `upstream-failed`, because a retry would cost the
 * same again.
 * @param what completes "The upstream's reply …", e.g. "has more than 128 choices"
 */
export function tooLarge(what: string): ChatError {
  return new ChatError('upstream-outdated', {
    message: `The upstream's reply ${what}, which is more than the gateway reads.`,
    code: 'upstream_response_too_large',
  })
}

export function tooManyCalls(): ChatError {
  return tooLarge(`has more than ${maxCalls} tool calls`)
}
