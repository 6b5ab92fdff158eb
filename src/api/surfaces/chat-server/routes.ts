import type { Route } from '../../route.ts'
import { abortChat } from './abort.ts'
import type { ChatServer } from './chat-server.ts'
import { deleteSession, listSessions, readSession } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

/** The chat server's routes. */
export function chatServerRoutes(server: ChatServer): readonly Route[] {
  return [
    { method: 'POST', path: '/api/chat/stream', answer: (exchange) => streamChat(exchange, server) },
    { method: 'POST', path: '/api/chat/stream/direct', answer: (exchange) => streamDirect(exchange, server) },
    { method: 'POST', path: '/api/chat/abort', answer: (exchange) => abortChat(exchange, server) },
    { method: 'GET', path: '/api/tools', answer: (exchange) => listTools(exchange, server) },
    { method: 'GET', path: '/api/servers', answer: (exchange) => listServers(exchange, server) },
    { method: 'GET', path: '/api/sessions', answer: (exchange) => listSessions(exchange, server) },
    { method: 'GET', path: '/api/sessions/*', answer: (exchange) => readSession(exchange, server) },
    { method: 'DELETE', path: '/api/sessions/*', answer: (exchange) => deleteSession(exchange, server) },
  ]
}
