import { compactionItem, compactionTrigger, summaryIn } from '../../../dialects/openai-responses/compaction.ts'
import { bodyIn, decodeRequest } from '../../../dialects/openai-responses/decode-request.ts'
import { encodeUsage } from '../../../dialects/openai-responses/usage.ts'
import { fold } from '../../../flow/fold.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { recall } from './conversation.ts'
import { sealerFor } from './sealer.ts'

/** `POST /v1/responses/compact` */
export const compactInput = answerJson(async (request, call, services) => {
  const body = bodyIn(await request.json())
  const { earlier, items } = await recall(body, { responses: services.responses, caller: call.caller })
  const sealer = await sealerFor(call, services)
  const given = { ...body, stream: false, input: [...items, compactionTrigger] }
  const { request: asked } = decodeRequest(given, { earlier, sealer })
  const { choices, usage } = await fold(services.gateway.chat(asked, call))
  const { runtime } = call.signal
  const id = `resp_${runtime.newId().replaceAll('-', '')}`
  const output = [compactionItem(id, summaryIn(choices[0]?.parts), sealer)]
  const created_at = Math.floor(runtime.now() / 1_000)
  return { body: { id, object: 'response.compaction', created_at, output, usage: encodeUsage(usage) } }
})
