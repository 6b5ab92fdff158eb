import { asChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isFields } from '../../../dialects/fields.ts'
import { answerSupport } from '../../../dialects/openai-responses/answer-support.ts'
import { bodyIn, decodeRequest, type ResponseRequest } from '../../../dialects/openai-responses/decode-request.ts'
import { ResponseStream } from '../../../dialects/openai-responses/encode-stream.ts'
import { ItemMaker, itemsOf } from '../../../dialects/openai-responses/items.ts'
import { encodeResponse, endOf, type ResponseHead } from '../../../dialects/openai-responses/response-object.ts'
import type { Answer } from '../../../flow/fold.ts'
import { answerChat } from '../../exchange/answer-chat.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'
import { type Conversation, recall } from './conversation.ts'

/** A request, and how its response is kept. */
interface CreatedResponse extends ResponseRequest {
  readonly head: ResponseHead
  /** Unix seconds. */
  now(): number
  /** Keeps the response, if the client lets us. A failure is logged: the answer is right without it. */
  keep(response: Fields): Promise<void> | undefined
}

/** `POST /v1/responses` */
export const createResponse = answerChat<CreatedResponse>({
  support: answerSupport,
  async decode({ value }, exchange, services) {
    const body = bodyIn(value)
    const conversation = await recall(body, { responses: services.responses, caller: exchange.caller })
    const decoded = decodeRequest({ ...body, input: conversation.items }, conversation.earlier)
    const { runtime } = exchange
    const now = () => Math.floor(runtime.now() / 1_000)
    const head = { id: `resp_${runtime.newId().replaceAll('-', '')}`, created: now(), body }
    return { ...decoded, head, now, keep: keepFor(conversation, { body, exchange, services }) }
  },
  stream: ({ head, names, now, keep }) => new ResponseStream({ ...head, names, now, keep }),
  whole: (created) => async (answer) => {
    const response = encodeWhole(answer, created)
    await created.keep(response)
    return { value: response }
  },
})

function encodeWhole({ choices: [choice], usage }: Answer, { head, names, now }: CreatedResponse): Fields {
  const items = new ItemMaker(head.id.replace('resp_', ''), names)
  const end = endOf(choice?.finish)
  const output = itemsOf(choice?.parts ?? [], items, end.status)
  return encodeResponse(head, { ...end, output, usage, completed: now() })
}

interface Keeping {
  readonly body: Fields
  readonly exchange: Exchange
  readonly services: Services
}

function keepFor({ items, previous }: Conversation, { body, exchange, services }: Keeping): CreatedResponse['keep'] {
  const input = items.map((item, at) => withId(item, at, exchange))
  return (response) => {
    if (body.store === false) return undefined
    return services.responses.save(exchange.caller, { response, input, previous }).catch((thrown: unknown) => {
      exchange.log.warn({ err: asChatError(thrown) }, 'a response could not be stored')
    })
  }
}

/** Every item that is listed later has an id. */
function withId(item: unknown, at: number, { id }: Exchange): unknown {
  if (!isFields(item) || typeof item.id === 'string') return item
  return { ...item, id: `in_${id.replaceAll(/\W/g, '')}_${at}` }
}
