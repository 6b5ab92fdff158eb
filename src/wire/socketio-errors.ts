import { ChatError } from '../chat/error.ts'
import { statusError } from './http-status.ts'

/** Why the server has not let us in. */
export function refusal(error: Error): ChatError {
  const own = ownError(error)
  if (own) return own
  // the server's word, in a CONNECT_ERROR packet: `44{"message":…,"data":…}`
  if ('data' in error) return statusError(0, new Headers(), { message: error.message, type: kindOf(error.message) })
  const status = handshakeStatus(error)
  if (status >= 400 && !aboutRequest.has(status)) return statusError(status, new Headers(), {})
  if (status)
    return new ChatError('upstream-outdated', {
      message: `The upstream opens no connection here (HTTP ${status}).`,
      upstreamStatus: status,
    })
  return new ChatError('upstream-failed', {
    message: 'The upstream could not be reached, or does not speak Socket.IO.',
    code: 'upstream_unreachable',
  })
}

/** A handshake holds nothing of the client's: what is wrong with it is never the client's mistake, nor its model's. */
const aboutRequest = new Set([400, 404, 410, 413, 422])

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
export function ownError(details: unknown): ChatError | undefined {
  if (typeof details !== 'object' || !details || !('description' in details)) return undefined
  return details.description instanceof ChatError ? details.description : undefined
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
