import { answerSupport } from '../../../dialects/openai-chat/answer-support.ts'
import { type DecodedRequest, decodePlainRequest, decodeSteps } from '../../../dialects/openai-chat/decode-request.ts'
import { writeAnswer } from '../../../dialects/openai-chat/encode-answer.ts'
import { StreamEncoder } from '../../../dialects/openai-chat/encode-stream.ts'
import { type AnswerLabel, answerChat, inTurns } from '../../exchange/answer-chat.ts'

/** `POST /v1/chat/completions` */
export const chatCompletions = answerChat<DecodedRequest>({
  support: () => answerSupport,
  decode: ({ value, bytes }) => decodePlainRequest(value, bytes) ?? inTurns(decodeSteps(value)),
  stream: (decoded, label) => new StreamEncoder(optionsOf(decoded, label)),
  whole(decoded, label) {
    const options = optionsOf(decoded, label)
    return (answer) => writeAnswer(answer, options)
  },
})

function optionsOf({ request, includeUsage }: DecodedRequest, { id, created }: AnswerLabel) {
  return { id: `chatcmpl-${id}`, model: request.model, created, includeUsage }
}
