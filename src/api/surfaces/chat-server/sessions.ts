import type { Caller } from '../../../chat/caller.ts'
import { ChatError } from '../../../chat/error.ts'
import type { SessionKey } from '../../../conversations/session-key.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'
import { encodeMessage } from './encode-message.ts'
import { limitOf } from './limit.ts'

/** Sessions, and messages of one, that are listed at once. */
const maxSessions = 200
const maxMessages = 1_000

/** `GET /api/sessions?limit=`: the caller's own, the newest first. */
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
  const whose = whoseOf(request, caller)
  const messages = await conversations.messages(whose, limitOf(request, maxMessages))
  if (!messages) throw unknownSession()
  return { body: { messages: messages.map((one) => encodeMessage(whose.session, one)) } }
})

/** `GET /api/sessions/{session}/messages/{message}/result`: the whole of a result that is shown shortened. */
export const readResult = answerJson(async (request, { caller }, { conversations }) => {
  const message = request.param('message')
  const result = message === undefined ? undefined : await conversations.fullResult(whoseOf(request, caller), message)
  if (result === undefined) throw unknownSession()
  return { body: { message_id: message, result } }
})

/** `DELETE /api/sessions/{session}/messages`: forgets the session. */
export const deleteSession = answerJson(async (request, { caller, signal }, { conversations }) => {
  const isGone = await conversations.delete(whoseOf(request, caller), { wait: false, signal })
  if (!isGone) throw unknownSession()
  return { body: { message: 'Session deleted', deleted: true } }
})

/** The session that the path names. @throws ChatError `not-found` where that is no text */
function whoseOf(request: JsonRequest, { id: client }: Caller): SessionKey {
  const session = request.param('session')
  if (session === undefined) throw unknownSession()
  return { client, session }
}

/** Another client's session is as little known as one that never was. */
function unknownSession(): ChatError {
  return new ChatError('not-found', {
    message: 'There is no such session, or nothing of that kind in it. GET /api/sessions lists the sessions.',
    code: 'session_not_found',
  })
}
