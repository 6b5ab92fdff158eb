import { ChatError } from '../../chat/error.ts'

/** What new work is told, and work that outstays the grace. */
export function shuttingDown(): ChatError {
  return new ChatError('unavailable', {
    message: 'The gateway is shutting down.',
    code: 'shutting_down',
    retryAfterMs: 1_000,
  })
}
