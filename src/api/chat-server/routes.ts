import { Elysia } from 'elysia'
import type { Door } from '../door.ts'
import type { Exchange } from '../exchange.ts'
import { abortChat } from './abort.ts'
import type { ChatServer } from './chat-server.ts'
import { deleteSession, listSessions, readSession } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

/** The chat server's routes, for the server to take in. */
export function chatServerRoutes(door: Door, server: ChatServer) {
  const unread = { parse: 'none' } as const
  const by = (answer: (exchange: Exchange, server: ChatServer) => Response | Promise<Response>) =>
    door.handler((exchange) => answer(exchange, server))
  return new Elysia()
    .post('/api/chat/stream', by(streamChat), unread)
    .post('/api/chat/stream/direct', by(streamDirect), unread)
    .post('/api/chat/abort', by(abortChat), unread)
    .get('/api/tools', by(listTools))
    .get('/api/servers', by(listServers))
    .get('/api/sessions', by(listSessions))
    .get('/api/sessions/*', by(readSession))
    .delete('/api/sessions/*', by(deleteSession), unread)
}
