import { ChatError } from '../chat/error.ts'

/** Names a session: its client, and the client's own name for it. Two clients never share a session. */
export interface SessionKey {
  readonly client: string
  /** 1 to 200 characters. */
  readonly session: string
}

/** Whether a client may use this name for a session or a request. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= 200 && text.isWellFormed()
}

/** Hashes a name, so that names of any length and with any characters are safe in a key. */
function digest(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 40)
}

/** The prefix of the keys of a client's sessions. */
export function prefixOf(client: string): string {
  return `conversation/${digest(client)}/`
}

/** The key of a session in the store. @throws ChatError `invalid-request` */
export function keyOf({ client, session }: SessionKey): string {
  if (!isName(session))
    throw new ChatError('invalid-request', {
      message: 'session_id must have 1 to 200 characters.',
      param: 'session_id',
      code: 'invalid_value',
    })
  return `${prefixOf(client)}${digest(session)}`
}

/** The prefix of the keys of the full texts of a session's results. */
export function fullPrefix({ client, session }: SessionKey): string {
  return `conversation-result/${digest(client)}/${digest(session)}/`
}

/** The key of the full text of a result, by its message's id. */
export function fullKey(sessionKey: SessionKey, messageId: string): string {
  return `${fullPrefix(sessionKey)}${digest(messageId)}`
}
