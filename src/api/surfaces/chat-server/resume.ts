import { ChatError } from '../../../chat/error.ts'
import { answerRequest } from '../../exchange/answer-json.ts'
import { replayStream } from '../../exchange/replay-stream.ts'
import { streamKey } from '../../exchange/resumable.ts'
import { surface } from './event.ts'

/** `GET /api/chat/stream/{session}`: goes on with the newest resumable stream of a session. */
export const resumeSession = answerRequest(async (request, running) => {
  const { exchange, services } = running
  const session = request.param('session') ?? ''
  const id = await services.recordings.named(streamKey(exchange.caller, sessionStream(session)))
  if (id === undefined) throw noStream()
  return replayStream(id, running, surface.error)
})

/** The name of a session's newest stream. No stream has it as its id. */
export function sessionStream(session: string): string {
  return `session ${session}`
}

function noStream(): ChatError {
  const message = 'No stream of this session is kept. Ask with the header "x-tributary-resumable: true".'
  return new ChatError('not-found', { message, code: 'stream_not_found' })
}
