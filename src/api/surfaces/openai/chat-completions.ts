import { begin } from '../../../chat/begin.ts'
import type { Fields } from '../../../chat/message.ts'
import { type DecodedRequest, decodeSteps } from '../../../dialects/openai-chat/decode-request.ts'
import { encodeAnswer } from '../../../dialects/openai-chat/encode-answer.ts'
import { StreamEncoder } from '../../../dialects/openai-chat/encode-stream.ts'
import type { Gateway } from '../../../gateway/gateway.ts'
import { nextTurn } from '../../../wire/next-turn.ts'
import { sseKeepAlive } from '../../../wire/sse.ts'
import type { Calls, OpenCall } from '../../exchange/calls.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { readJsonBody } from '../../exchange/read-body.ts'
import { respondJson, respondStream } from '../../exchange/respond.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'

export interface ChatCompletionsOptions {
  readonly gateway: Gateway
  readonly calls: Calls
  readonly maxBodyBytes: number
  readonly keepAliveMs: number
}

/** `POST /v1/chat/completions` */
export async function chatCompletions(
  exchange: Exchange,
  { gateway, calls, maxBodyBytes, keepAliveMs }: ChatCompletionsOptions,
): Promise<Response> {
  const open = calls.open(exchange)
  const { request, includeUsage } = await read(exchange, open, maxBodyBytes)
  const options = {
    id: `chatcmpl-${exchange.id}`,
    model: request.model,
    created: Math.floor(Date.now() / 1000),
    includeUsage,
  }
  const events = gateway.chat(request, open.call)
  exchange.isLogged = true
  if (request.stream)
    return respondStream(exchange, open, {
      begun: begin(events),
      surface: surfaceOf(new StreamEncoder(options)),
      keepAliveMs,
    })
  return respondJson(exchange, open, { events, encode: (answer): Fields => encodeAnswer(answer, options) })
}

async function read({ request }: Exchange, open: OpenCall, maxBytes: number): Promise<DecodedRequest> {
  try {
    const steps = decodeSteps(await readJsonBody(request, { maxBytes, signal: open.call.signal }))
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      await nextTurn()
    }
  } catch (thrown) {
    open.close()
    throw thrown
  }
}

function surfaceOf(encoder: StreamEncoder): StreamSurface {
  return {
    event: (event) => encoder.event(event),
    end: () => encoder.end(),
    error: (error) => encoder.error(error),
    keepAlive: sseKeepAlive,
  }
}
