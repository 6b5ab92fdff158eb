import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import type { Surface } from '../surface.ts'
import { abortChat } from './abort.ts'
import { resumeSession } from './resume.ts'
import { schemas } from './schemas.ts'
import { deleteSession, listSessions, readMessages, readResult } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

const messages = '/api/sessions/{session}/messages'

/** Pages of other origins may use only the routes that chat. */
const shared = { access: 'client', cors: true } as const
const own = { access: 'client', cors: false } as const

/** The chat server keeps the conversation and runs the tools. */
export const surface: Surface = {
  name: 'chat-server',
  error: encodeFailure,
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  routes: [
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/stream',
      summary: 'Answers the next message of a session',
      takes: 'NextMessage',
      streams: 'ChatEvent',
      handler: streamChat,
    },
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/stream/direct',
      summary: 'Answers a conversation that the caller keeps',
      takes: 'Conversation',
      streams: 'ChatEvent',
      handler: streamDirect,
    },
    {
      ...shared,
      method: 'GET',
      path: '/api/chat/stream/{session}',
      summary: 'Goes on with the newest resumable stream of a session',
      streams: 'ChatEvent',
      handler: resumeSession,
    },
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/abort',
      summary: 'Stops the running requests of a session',
      takes: 'AbortRequest',
      gives: 'Aborted',
      handler: abortChat,
    },
    {
      ...own,
      method: 'GET',
      path: '/api/tools',
      summary: 'Lists the tools of every server',
      gives: 'ToolList',
      handler: listTools,
    },
    {
      ...own,
      method: 'GET',
      path: '/api/servers',
      summary: 'Lists the tool servers',
      gives: 'ServerList',
      handler: listServers,
    },
    {
      ...own,
      method: 'GET',
      path: '/api/sessions',
      summary: "Lists the caller's sessions",
      gives: 'SessionList',
      handler: listSessions,
    },
    {
      ...own,
      method: 'GET',
      path: messages,
      summary: 'Shows the messages of a session',
      gives: 'StoredMessageList',
      handler: readMessages,
    },
    {
      ...own,
      method: 'DELETE',
      path: messages,
      summary: 'Deletes a session',
      gives: 'SessionDeleted',
      handler: deleteSession,
    },
    {
      ...own,
      method: 'GET',
      path: `${messages}/{message}/result`,
      summary: 'Shows a shortened tool result in full',
      gives: 'ToolResult',
      handler: readResult,
    },
  ],
}
