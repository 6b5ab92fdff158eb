import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { eventNumber } from '../json-schema.ts'
import { asking, type Surface } from '../surface.ts'
import { abortChat } from './abort.ts'
import { resumeSession } from './resume.ts'
import { name, schemas } from './schemas.ts'
import { deleteSession, listSessions, readMessages, readResult } from './sessions.ts'
import { streamChat, streamDirect } from './stream.ts'
import { listServers, listTools } from './tools.ts'

const messages = '/api/sessions/{session}/messages'

const limit = { limit: { type: 'string', pattern: '^[1-9][0-9]{0,5}$' } }

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
      fails: [...asking, 'conflict'],
      handler: streamChat,
    },
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/stream/direct',
      summary: 'Answers a conversation that the caller keeps',
      takes: 'Conversation',
      streams: 'ChatEvent',
      fails: [...asking, 'conflict'],
      handler: streamDirect,
    },
    {
      ...shared,
      method: 'GET',
      path: '/api/chat/stream/{session}',
      summary: 'Goes on with the newest resumable stream of a session',
      streams: 'ChatEvent',
      query: { last_event_id: eventNumber },
      reads: { 'last-event-id': eventNumber },
      fails: ['not-found'],
      handler: resumeSession,
    },
    {
      ...shared,
      method: 'POST',
      path: '/api/chat/abort',
      summary: 'Stops the running requests of a session',
      takes: 'AbortRequest',
      gives: 'Aborted',
      query: { session_id: name },
      mayTakeNothing: true,
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
      query: limit,
      handler: listSessions,
    },
    {
      ...own,
      method: 'GET',
      path: messages,
      summary: 'Shows the messages of a session',
      gives: 'StoredMessageList',
      query: limit,
      fails: ['not-found'],
      handler: readMessages,
    },
    {
      ...own,
      method: 'DELETE',
      path: messages,
      summary: 'Deletes a session',
      gives: 'SessionDeleted',
      fails: ['not-found', 'conflict'],
      handler: deleteSession,
    },
    {
      ...own,
      method: 'GET',
      path: `${messages}/{message}/result`,
      summary: 'Shows a shortened tool result in full',
      gives: 'ToolResult',
      fails: ['not-found'],
      handler: readResult,
    },
  ],
}
