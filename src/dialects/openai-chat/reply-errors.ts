import { ChatError } from '../../chat/error.ts'

export function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

export function cutOff(): ChatError {
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

/** Not `upstream-failed`: that would be asked for once more, and so cost twice. @param what e.g. "128 choices" */
export function tooMany(what: string): ChatError {
  return new ChatError('upstream-outdated', {
    message: `The upstream's reply has more than ${what}, which is more than the gateway reads.`,
    code: 'upstream_response_too_large',
  })
}
