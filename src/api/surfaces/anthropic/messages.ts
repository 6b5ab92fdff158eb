import type { ChatRequest } from '../../../chat/request.ts'
import { answerSupport } from '../../../dialects/anthropic-messages/answer-support.ts'
import { decodeRequest } from '../../../dialects/anthropic-messages/decode-request.ts'
import { writeAnswer } from '../../../dialects/anthropic-messages/encode-answer.ts'
import { MessageStream } from '../../../dialects/anthropic-messages/encode-stream.ts'
import { answerChat } from '../../exchange/answer-chat.ts'

/** A request, and a rough number of its tokens for the beginning of the stream. */
interface MessagesRequest {
  readonly request: ChatRequest
  readonly inputTokens: number
}

/** A usual number of bytes of JSON for one token. */
const bytesPerToken = 4

/** `POST /v1/messages` */
export const messages = answerChat<MessagesRequest>({
  support: () => answerSupport,
  decode: ({ value, bytes }, { request }) => ({
    request: decodeRequest(value, { betas: request.headers.get('anthropic-beta'), bytes }),
    inputTokens: Math.ceil(bytes.byteLength / bytesPerToken),
  }),
  stream: ({ request, inputTokens }, { id }) => new MessageStream({ id, model: request.model, inputTokens }),
  whole:
    ({ request }, { id }) =>
    (answer) =>
      writeAnswer(answer, { id, model: request.model }),
})
