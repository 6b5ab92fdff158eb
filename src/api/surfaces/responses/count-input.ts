import { bodyIn, decodeRequest } from '../../../dialects/openai-responses/decode-request.ts'
import { countRequest } from '../../../gateway/count-request.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { recall } from './conversation.ts'

/** `POST /v1/responses/input_tokens` */
export const countInput = answerJson(async (request, { caller }, { responses }) => {
  const body = bodyIn(await request.json())
  const { earlier, items } = await recall(body, { responses, caller })
  const { request: decoded } = decodeRequest({ ...body, input: items }, { earlier })
  return { body: { object: 'response.input_tokens', input_tokens: countRequest(decoded) } }
})
