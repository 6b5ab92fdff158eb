import { ChatError } from '../chat/error.ts'

/** Codes that say that the process or the machine has no descriptors left. That is not an upstream's fault. */
const exhausted = new Set(['EMFILE', 'ENFILE'])
const broken = new Set(['ECONNRESET', 'EPIPE', 'ConnectionClosed', 'UND_ERR_SOCKET'])

/** The error for a connection that failed. @param when completes "closed the connection …", e.g. "before its reply" */
export function transportError(thrown: unknown, when: string): ChatError {
  if (thrown instanceof ChatError) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (exhausted.has(code))
    return new ChatError('unavailable', {
      message: 'The gateway has no file descriptor left for a connection.',
      retryAfterMs: 1_000,
      cause: thrown,
    })
  if (broken.has(code)) return disconnected(when, thrown)
  return new ChatError('upstream-failed', {
    message: `The upstream could not be reached${code && ` (${code})`}.`,
    code: 'upstream_unreachable',
    cause: thrown,
  })
}

/** @param when as in `transportError` */
export function disconnected(when: string, cause?: unknown): ChatError {
  return new ChatError('upstream-failed', {
    message: `The upstream closed the connection ${when}.`,
    code: 'upstream_disconnected',
    cause,
  })
}

export function connectTimeout(): ChatError {
  return new ChatError('timeout', {
    message: 'The upstream could not be connected to in time.',
    code: 'upstream_connect_timeout',
  })
}
