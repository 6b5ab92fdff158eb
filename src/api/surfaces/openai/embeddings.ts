import { decodeEmbeddings } from '../../../dialects/openai-embeddings/decode-request.ts'
import { encodeEmbeddingsAnswer } from '../../../dialects/openai-embeddings/encode-answer.ts'
import { events } from '../../../flow/flow.ts'
import { type JsonBounds, jsonBounds } from '../../../wire/json-bounds.ts'
import { answerRead } from '../../exchange/answer-chat.ts'
import { readJsonBody } from '../../exchange/read-body.ts'
import { respondJson } from '../../exchange/respond.ts'

/** OpenAI takes 300,000 tokens, each of which may be a number. OpenAI, Create embeddings */
const bounds: JsonBounds = { ...jsonBounds, values: 400_000 }

/** `POST /v1/embeddings` */
export const embeddings = answerRead(
  (request, limits) => readJsonBody(request, { ...limits, bounds }),
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
