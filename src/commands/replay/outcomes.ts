/** A refusal of an upstream, by its status and the word of its error. */
export interface RecordedRefusal {
  readonly status: number
  readonly word: string
}

/** The codes of failures that a reply with a status shows. `docs/errors.md` explains the codes. */
export const refusals: Readonly<Record<string, RecordedRefusal>> = {
  invalid_request: { status: 400, word: 'invalid_request_error' },
  context_length_exceeded: { status: 400, word: 'context_length_exceeded' },
  content_filter: { status: 400, word: 'content_filter' },
  upstream_auth: { status: 401, word: 'invalid_api_key' },
  insufficient_quota: { status: 429, word: 'insufficient_quota' },
  upstream_blocked: { status: 403, word: 'challenge' },
  model_not_found: { status: 404, word: 'model_not_found' },
  upstream_protocol: { status: 405, word: 'method_not_allowed' },
  upstream_busy: { status: 409, word: 'conflict' },
  request_too_large: { status: 413, word: 'too_large' },
  rate_limit_exceeded: { status: 429, word: 'rate_limit_exceeded' },
  upstream_error: { status: 500, word: 'server_error' },
  upstream_overloaded: { status: 503, word: 'overloaded' },
  upstream_timeout: { status: 504, word: 'timeout' },
}

/** The other outcomes that an emulator can be made to cause. */
const others: ReadonlySet<string> = new Set([
  'ok',
  'not_needed',
  'client_closed',
  'upstream_disconnected',
  'upstream_idle_timeout',
  'upstream_bad_response',
  'upstream_empty_response',
  'upstream_unreachable',
])

export function isScripted(outcome: string): boolean {
  return others.has(outcome) || Object.hasOwn(refusals, outcome)
}
