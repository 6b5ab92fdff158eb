import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { abortChat } from './abort.ts'
import { deleteSession, listSessions, readMessages, readResult } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

const messages = '/api/sessions/{session}/messages'

/** The chat server: it keeps the conversation, and runs the tools. */
export const surface: Surface = {
  name: 'chat-server',
  error: encodeFailure,
  routes: [
    { method: 'POST', path: '/api/chat/stream', access: 'client', cors: true, handler: streamChat },
    { method: 'POST', path: '/api/chat/stream/direct', access: 'client', cors: true, handler: streamDirect },
    { method: 'POST', path: '/api/chat/abort', access: 'client', cors: true, handler: abortChat },
    { method: 'GET', path: '/api/tools', access: 'client', cors: false, handler: listTools },
    { method: 'GET', path: '/api/servers', access: 'client', cors: false, handler: listServers },
    { method: 'GET', path: '/api/sessions', access: 'client', cors: false, handler: listSessions },
    { method: 'GET', path: messages, access: 'client', cors: false, handler: readMessages },
    { method: 'DELETE', path: messages, access: 'client', cors: false, handler: deleteSession },
    { method: 'GET', path: `${messages}/{message}/result`, access: 'client', cors: false, handler: readResult },
  ],
}
