import { decodeEmbeddings } from '../../../dialects/openai-embeddings/decode-request.ts'
import { encodeEmbeddingsAnswer } from '../../../dialects/openai-embeddings/encode-answer.ts'
import { events } from '../../../flow/flow.ts'
import { answerBody } from '../../exchange/answer-chat.ts'
import { respondJson } from '../../exchange/respond.ts'

/** `POST /v1/embeddings` */
export const embeddings = answerBody(
  ({ value }) => decodeEmbeddings(value),
  (request, { exchange, open, services }) => {
    const answer = Array.fromAsync(events(services.gateway.embed(request, open.call)))
    // from here on the gateway writes the request's log line
    exchange.isLogged = true
    return respondJson(exchange, open, {
      answer,
      write: (found) => ({ value: encodeEmbeddingsAnswer(found, request) }),
    })
  },
)
