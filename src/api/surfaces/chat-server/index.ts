import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import type { Surface } from '../surface.ts'
import { abortChat } from './abort.ts'
import { deleteSession, listSessions, readMessages, readResult } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

const messages = '/api/sessions/{session}/messages'

/** A page may chat, and see no more than its chat. */
const shared = { access: 'client', cors: true } as const
const own = { access: 'client', cors: false } as const

/** The chat server: it keeps the conversation, and runs the tools. */
export const surface: Surface = {
  name: 'chat-server',
  error: encodeFailure,
  routes: [
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/stream',
      summary: 'Answers the next message of a session',
      handler: streamChat,
    },
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/stream/direct',
      summary: 'Answers a conversation that the caller keeps',
      handler: streamDirect,
    },
    { ...shared, method: 'POST', path: '/api/chat/abort', summary: 'Stops what runs of a session', handler: abortChat },
    { ...own, method: 'GET', path: '/api/tools', summary: 'Lists the tools of every server', handler: listTools },
    { ...own, method: 'GET', path: '/api/servers', summary: 'Lists the servers of tools', handler: listServers },
    { ...own, method: 'GET', path: '/api/sessions', summary: "Lists the caller's sessions", handler: listSessions },
    { ...own, method: 'GET', path: messages, summary: 'Shows the messages of a session', handler: readMessages },
    { ...own, method: 'DELETE', path: messages, summary: 'Forgets a session', handler: deleteSession },
    {
      ...own,
      method: 'GET',
      path: `${messages}/{message}/result`,
      summary: 'Shows the whole of a result that is shown shortened',
      handler: readResult,
    },
  ],
}
