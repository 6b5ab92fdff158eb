import type { Caller } from '../../../chat/caller.ts'
import { ChatError } from '../../../chat/error.ts'
import type { SessionKey } from '../../../conversations/session-key.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'
import { encodeMessage } from './encode-message.ts'
import { limitOf } from './limit.ts'

/** Limits for the sessions, and for the messages of a session, in one response. */
const maxSessions = 200
const maxMessages = 1_000

/** `GET /api/sessions?limit=`: lists the caller's sessions, the newest first. */
export const listSessions = answerJson(async (request, { caller, signal }, { conversations }) => {
  const sessions = await conversations.sessions(caller.id, limitOf(request, maxSessions), signal)
  const encoded = sessions.map(({ id, createdAt, updatedAt, messages }) => ({
    id,
    created_at: createdAt,
    updated_at: updatedAt,
    messages,
  }))
  return { body: { sessions: encoded } }
})

/** `GET /api/sessions/{session}/messages?limit=` */
export const readMessages = answerJson(async (request, { caller }, { conversations }) => {
  const whose = sessionKeyOf(request, caller)
  const messages = await conversations.messages(whose, limitOf(request, maxMessages))
  if (!messages) throw unknownSession()
  return { body: { messages: messages.map((one) => encodeMessage(whose.session, one)) } }
})

/** `GET /api/sessions/{session}/messages/{message}/result`: a shortened tool result in full. */
export const readResult = answerJson(async (request, { caller }, { conversations }) => {
  const message = request.param('message')
  const result =
    message === undefined ? undefined : await conversations.fullResult(sessionKeyOf(request, caller), message)
  if (result === undefined) throw unknownSession()
  return { body: { message_id: message, result } }
})

/** `DELETE /api/sessions/{session}/messages`: deletes the session. */
export const deleteSession = answerJson(async (request, { caller, signal }, { conversations }) => {
  const isGone = await conversations.delete(sessionKeyOf(request, caller), { wait: false, signal })
  if (!isGone) throw unknownSession()
  return { body: { message: 'Session deleted', deleted: true } }
})

/** The session in the path. @throws ChatError `not-found` if it cannot be decoded */
function sessionKeyOf(request: JsonRequest, { id: client }: Caller): SessionKey {
  const session = request.param('session')
  if (session === undefined) throw unknownSession()
  return { client, session }
}

/** The error for a session that does not exist, or belongs to another client. */
function unknownSession(): ChatError {
  return new ChatError('not-found', {
    message: 'There is no such session, or nothing of that kind in it. GET /api/sessions lists the sessions.',
    code: 'session_not_found',
  })
}
