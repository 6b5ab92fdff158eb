import type { ChatError } from '../../../chat/error.ts'
import { describeError } from '../../../dialects/openai-chat/encode-error.ts'
import { sseEvent } from '../../../wire/sse.ts'
import { answerRequest } from '../../exchange/answer-json.ts'
import { replayStream } from '../../exchange/replay-stream.ts'

/** `GET /v1/streams/{id}`: goes on with a stream of any dialect after the event that `Last-Event-ID` names. */
export const resumeStream = answerRequest((request, running) =>
  replayStream(request.param('id') ?? '', running, failed),
)

/** The member `error` is for OpenAI's clients, and `type` beside it for Anthropic's. */
function failed(error: ChatError): string {
  return sseEvent('error', JSON.stringify({ type: 'error', error: describeError(error) }))
}
