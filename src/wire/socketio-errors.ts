import { ChatError } from '../chat/error.ts'
import { statusError } from './http-status.ts'
import { handshakeError } from './websocket-handshake.ts'

/** Why the server has not let us in. */
export function refusal(error: Error): ChatError {
  const own = ownError(error)
  if (own) return own
  // the server's word, in a CONNECT_ERROR packet: `44{"message":…,"data":…}`
  if ('data' in error) return statusError(0, new Headers(), { message: error.message, type: kindOf(error.message) })
  const status = handshakeStatus(error)
  if (status) return handshakeError(status, new Headers())
  return new ChatError('upstream-failed', {
    message: 'The upstream could not be reached, or does not speak Socket.IO.',
    code: 'upstream_unreachable',
  })
}

/** What a refusal is about, as an API would name it: a server says it in its own words. */
function kindOf(words: string): string {
  if (/auth|token|jwt|credential|forbidden|denied|expired|log ?in|sign ?in/i.test(words)) return 'authentication_error'
  if (/rate|limit|too many|quota/i.test(words)) return 'rate_limit_error'
  return /overload|capacity|unavailable|busy/i.test(words) ? 'overloaded_error' : 'server_error'
}

/** The status of a handshake that was answered with anything but 101: Bun tells it in the error's text alone. */
function handshakeStatus(error: Error): number {
  const event: unknown = 'description' in error ? error.description : undefined
  const text = typeof event === 'object' && event && 'message' in event ? String(event.message) : ''
  return Number(/\b(?:status code|response): (\d{3})\b/.exec(text)?.[1] ?? 0)
}

/** The error of our own that the transport ended with; the library wraps it. */
function ownError(details: unknown): ChatError | undefined {
  if (typeof details !== 'object' || !details || !('description' in details)) return undefined
  return details.description instanceof ChatError ? details.description : undefined
}

/**
 * Why a connection has ended by itself.
 * @param reason in the library's words, and what it has to add; a packet that is none it calls an error of the server
 */
export function lost(reason: string, details: unknown): ChatError {
  const own = ownError(details)
  if (own) return own
  const isNoPacket = reason === 'parse error' || (details instanceof Error && details.message === 'server error')
  return isNoPacket ? badResponse() : disconnected(`ended (${reason})`)
}

export function disconnected(what: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream's connection is gone: it ${what}.`,
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
    message: 'The upstream sent something that is no packet of Socket.IO.',
    code: 'upstream_bad_response',
  })
}
