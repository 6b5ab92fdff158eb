import { ChatError } from '../chat/error.ts'
import { statusError } from './http-status.ts'

/** The error for a server that has not admitted us. */
export function refusal(error: Error): ChatError {
  const own = ownError(error)
  if (own) return own
  // the server's own message, from a CONNECT_ERROR packet: `44{"message":…,"data":…}`
  if ('data' in error) return statusError({ status: 0 }, { message: error.message, type: kindOf(error.message) })
  return new ChatError('upstream-failed', {
    message: 'The upstream could not be reached, or does not speak Socket.IO.',
    code: 'upstream_unreachable',
  })
}

/** Finds an API's error type for a refusal, which is free text of the server. */
function kindOf(words: string): string {
  if (/auth|token|jwt|credential|forbidden|denied|expired|log ?in|sign ?in/i.test(words)) return 'authentication_error'
  if (/rate|limit|too many|quota/i.test(words)) return 'rate_limit_error'
  return /overload|capacity|unavailable|busy/i.test(words) ? 'overloaded_error' : 'server_error'
}

/** Returns our own error that ended the transport. The library wraps it. */
function ownError(details: unknown): ChatError | undefined {
  if (typeof details !== 'object' || !details || !('description' in details)) return undefined
  return details.description instanceof ChatError ? details.description : undefined
}

/**
 * The error for a connection that we did not end.
 * @param reason in the library's words
 * @param details what the library adds; an invalid packet may be called a `server error` there
 */
export function lost(reason: string, details: unknown): ChatError {
  const own = ownError(details)
  if (own) return own
  const isNoPacket = reason === 'parse error' || (details instanceof Error && details.message === 'server error')
  return isNoPacket ? badResponse() : disconnected(`ended (${reason})`)
}

export function disconnected(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream's connection has ended: it ${what}.`,
    code: 'upstream_disconnected',
  })
}

export function connectTimeout(): ChatError {
  return new ChatError('timeout', {
    message: 'The upstream could not be connected to in time.',
    code: 'upstream_connect_timeout',
  })
}

export function tooLarge(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The upstream sent a message that is too large.',
    code: 'upstream_response_too_large',
  })
}

export function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream sent an invalid Socket.IO packet.',
    code: 'upstream_bad_response',
  })
}
