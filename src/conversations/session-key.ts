import { createHash } from 'node:crypto'
import { ChatError } from '../chat/error.ts'

/** A session, by its client and by the client's own name of it: two clients never share one. */
export interface SessionKey {
  readonly client: string
  /** 1 to 200 characters. */
  readonly session: string
}

/** Whether a client may call something so. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= 200 && text.isWellFormed()
}

/** Names are hashed: of any length and any characters, none reaches into another's. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40)
}

/** What the keys of a client's sessions begin with. */
export function prefixOf(client: string): string {
  return `conversation/${digest(client)}/`
}

/** Where a session is kept. @throws ChatError `invalid-request` */
export function keyOf({ client, session }: SessionKey): string {
  if (!isName(session))
    throw new ChatError('invalid-request', {
      message: 'session_id must have 1 to 200 characters.',
      param: 'session_id',
      code: 'invalid_value',
    })
  return `${prefixOf(client)}${digest(session)}`
}

/** What the keys of the whole texts of a session's results begin with. */
export function fullPrefix({ client, session }: SessionKey): string {
  return `conversation-result/${digest(client)}/${digest(session)}/`
}

/** Where the whole text of a result is kept, by its message's id. */
export function fullKey(whose: SessionKey, messageId: string): string {
  return `${fullPrefix(whose)}${digest(messageId)}`
}
