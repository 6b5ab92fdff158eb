/**
 * The headers in which clients name their session: Codex (`session-id`, earlier `session_id` and `conversation_id`), Claude Code, and
 * clients of other gateways.
 */
const names = [
  'session-id',
  'session_id',
  'x-session-id',
  'x-claude-code-session-id',
  'conversation_id',
  'x-conversation-id',
] as const

/** Longer names are of no use. */
const maxLength = 256

/** Returns the client's own name of its session, from the first header that has one. */
export function sessionOf(headers: Headers): string | undefined {
  for (const name of names) {
    const sent = headers.get(name)
    if (sent !== null && sent !== '' && sent.length <= maxLength) return sent
  }
  return undefined
}
