import { ChatError } from '../chat/error.ts'

/** Calls of tools that one reply may make: agents make dozens. */
export const maxCalls = 1_024

/**
 * An upstream's reply that would cost more than it can be worth. Not `upstream-failed`: that would be asked for once more,
 * and so cost twice.
 * @param what it has, e.g. "has more than 128 choices"
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
