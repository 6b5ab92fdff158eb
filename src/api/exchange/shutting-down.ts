import { ChatError } from '../../chat/error.ts'

/** The error for new requests during a shutdown, and for answers that take longer than its grace period. */
export function shuttingDown(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway is shutting down.',
    code: 'shutting_down',
    retryAfterMs: 1_000,
  })
}
