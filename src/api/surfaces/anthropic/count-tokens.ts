import { decodePartOfRequest } from '../../../dialects/anthropic-messages/decode-request.ts'
import { countRequest } from '../../../gateway/count-request.ts'
import { answerJson } from '../../exchange/answer-json.ts'

/** `POST /v1/messages/count_tokens`. Claude Code sends dozens at once, so no upstream is asked. */
export const countInput = answerJson(async (request) => ({
  body: { input_tokens: countRequest(decodePartOfRequest(await request.json())) },
}))
