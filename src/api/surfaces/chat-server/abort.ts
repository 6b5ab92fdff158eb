import type { Exchange } from '../../exchange/exchange.ts'
import { jsonResponse } from '../../exchange/exchange.ts'
import { readJsonBody } from '../../exchange/read-body.ts'
import type { ChatServer } from './chat-server.ts'
import { queryOf } from './query.ts'
import { readAbortBody } from './schema.ts'

/** `POST /api/chat/abort`: stops all that runs of a session. The session is named in the query or in the body. */
export async function abortChat(exchange: Exchange, server: ChatServer): Promise<Response> {
  const session = queryOf(exchange, 'session_id') ?? (await sessionIn(exchange, server))
  const isAborted = await server.running.abort(exchange.caller.id, session)
  const message = isAborted ? 'Chat request aborted' : 'No chat request of this session is running'
  return jsonResponse(exchange, { message, aborted: isAborted })
}

async function sessionIn(exchange: Exchange, { maxBodyBytes: maxBytes }: ChatServer): Promise<string> {
  const { request } = exchange
  return readAbortBody(await readJsonBody(request, { maxBytes, signal: request.signal })).session_id
}
