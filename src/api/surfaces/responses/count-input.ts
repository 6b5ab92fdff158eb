import { bodyIn, decodeRequest } from '../../../dialects/openai-responses/decode-request.ts'
import { countRequest } from '../../../gateway/count-request.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { recall } from './conversation.ts'
import { sealerFor } from './sealer.ts'

/** `POST /v1/responses/input_tokens` */
export const countInput = answerJson(async (request, call, services) => {
  const body = bodyIn(await request.json())
  const { earlier, items } = await recall(body, { responses: services.responses, caller: call.caller })
  const { request: decoded } = decodeRequest(
    { ...body, input: items },
    { earlier, sealer: await sealerFor(call, services) },
  )
  return { body: { object: 'response.input_tokens', input_tokens: countRequest(decoded) } }
})
