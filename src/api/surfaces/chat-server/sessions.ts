import { ChatError } from '../../../chat/error.ts'
import type { Whose } from '../../../conversations/session-key.ts'
import { type Exchange, jsonResponse, notFound } from '../../exchange/exchange.ts'
import type { ChatServer } from './chat-server.ts'
import { encodeMessage } from './encode-message.ts'
import { limitOf } from './query.ts'

/** Sessions, and messages of one, that are listed at once. */
const maxSessions = 200
const maxMessages = 1_000

/** `GET /api/sessions?limit=`: the caller's own, the newest first. */
export async function listSessions(exchange: Exchange, { conversations }: ChatServer): Promise<Response> {
  const { caller, request } = exchange
  const sessions = await conversations.sessions(caller.id, limitOf(exchange, maxSessions), request.signal)
  return jsonResponse(exchange, {
    sessions: sessions.map(({ id, createdAt, updatedAt, messages }) => ({
      id,
      created_at: createdAt,
      updated_at: updatedAt,
      messages,
    })),
  })
}

/** `GET /api/sessions/{id}/messages?limit=`, and `…/messages/{message}/result`: the whole of a result that is shown shortened. */
export async function readSession(exchange: Exchange, server: ChatServer): Promise<Response> {
  const { whose, message } = targetOf(exchange)
  if (message !== undefined) return readResult(exchange, server, { whose, message })
  const messages = await server.conversations.messages(whose, limitOf(exchange, maxMessages))
  if (!messages) throw unknown()
  return jsonResponse(exchange, { messages: messages.map((one) => encodeMessage(whose.session, one)) })
}

async function readResult(
  exchange: Exchange,
  { conversations }: ChatServer,
  { whose, message }: { readonly whose: Whose; readonly message: string },
): Promise<Response> {
  const result = await conversations.fullResult(whose, message)
  if (result === undefined) throw unknown()
  return jsonResponse(exchange, { message_id: message, result })
}

/** `DELETE /api/sessions/{id}/messages`: forgets the session. */
export async function deleteSession(exchange: Exchange, { conversations }: ChatServer): Promise<Response> {
  const { whose, message } = targetOf(exchange)
  if (message !== undefined) throw notFound(exchange.request.method)
  const isGone = await conversations.delete(whose, { wait: false, signal: exchange.request.signal })
  if (!isGone) throw unknown()
  return jsonResponse(exchange, { message: 'Session deleted', deleted: true })
}

/** The session that the path names, percent-encoded or not, and the message whose result is meant. */
function targetOf({ path, caller, request }: Exchange): { readonly whose: Whose; readonly message?: string } {
  const [, session, message] = /^\/api\/sessions\/([^/]+)\/messages(?:\/([^/]+)\/result)?$/.exec(path) ?? []
  const id = decoded(session)
  if (id === undefined) throw notFound(request.method)
  const whose = { client: caller.id, session: id }
  if (message === undefined) return { whose }
  const named = decoded(message)
  if (named === undefined) throw notFound(request.method)
  return { whose, message: named }
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Another client's session is as little known as one that never was. */
function unknown(): ChatError {
  return new ChatError('not-found', {
    message: 'There is no such session, or nothing of that kind in it. GET /api/sessions lists the sessions.',
    code: 'session_not_found',
  })
}
