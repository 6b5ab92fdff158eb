import { answerJson } from '../../exchange/answer-json.ts'
import { runningOf } from './running.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** `POST /api/chat/abort`: stops the running requests of a session, which is named in the query or in the body. */
export const abortChat = answerJson(async (request, { caller, signal }, services) => {
  const session = request.query('session_id') ?? schemas().readAbortBody(await request.json()).session_id
  const isAborted = await runningOf(services).abort({ client: caller.id, session }, signal)
  const message = isAborted ? 'Chat request aborted' : 'No chat request of this session is running'
  return { body: { message, aborted: isAborted } }
})
