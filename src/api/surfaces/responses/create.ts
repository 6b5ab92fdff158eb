import { asChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isFields } from '../../../dialects/fields.ts'
import { answerSupport, sealingSupport } from '../../../dialects/openai-responses/answer-support.ts'
import { bodyIn, decodeRequest, type ResponseRequest } from '../../../dialects/openai-responses/decode-request.ts'
import { ResponseStream, type ResponseStreamOptions } from '../../../dialects/openai-responses/encode-stream.ts'
import { ItemMaker, itemsOf } from '../../../dialects/openai-responses/items.ts'
import { encodeResponse, endOf } from '../../../dialects/openai-responses/response-object.ts'
import type { EndedResponse } from '../../../dialects/openai-responses/response-writer.ts'
import type { Answer } from '../../../flow/fold.ts'
import { answerChat } from '../../exchange/answer-chat.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'
import { type Conversation, recall } from './conversation.ts'
import { sealerFor } from './sealer.ts'

/** A request, and how its response is written and kept. */
interface CreatedResponse extends ResponseRequest {
  readonly writing: ResponseStreamOptions
}

/** `POST /v1/responses` */
export const createResponse = answerChat<CreatedResponse>({
  support: ({ writing }) => (writing.sealer ? sealingSupport : answerSupport),
  async decode({ value }, exchange, services) {
    const body = bodyIn(value)
    const conversation = await recall(body, { responses: services.responses, caller: exchange.caller })
    const sealer = await sealerFor(exchange, services)
    const decoded = decodeRequest({ ...body, input: conversation.items }, { earlier: conversation.earlier, sealer })
    const { runtime } = exchange
    const now = () => Math.floor(runtime.now() / 1_000)
    const showsSealed = includes(body, 'reasoning.encrypted_content')
    return {
      ...decoded,
      writing: {
        ...{ id: `resp_${runtime.newId().replaceAll('-', '')}`, created: now(), body, now, names: decoded.names },
        ...{ sealer: showsSealed || isKept(body) ? sealer : undefined, showsSealed },
        keep: keepFor(conversation, { body, exchange, services }),
      },
    }
  },
  stream: ({ writing }) => new ResponseStream(writing),
  whole:
    ({ writing }) =>
    async (answer) => {
      const ended = encodeWhole(answer, writing)
      await writing.keep(ended)
      return { value: ended.response }
    },
})

function includes({ include }: Fields, what: string): boolean {
  return Array.isArray(include) && include.includes(what)
}

function isKept({ store }: Fields): boolean {
  return store !== false
}

function encodeWhole({ choices: [choice], usage }: Answer, writing: ResponseStreamOptions): EndedResponse {
  const end = endOf(choice?.finish)
  const made = itemsOf({ parts: [], ...choice, status: end.status }, new ItemMaker(writing))
  const output = made.flatMap(({ shown }) => (shown ? [shown] : []))
  const response = encodeResponse(writing, { ...end, output, usage, completed: writing.now() })
  return { response, items: made.map(({ kept }) => kept) }
}

interface Keeping {
  readonly body: Fields
  readonly exchange: Exchange
  readonly services: Services
}

function keepFor(
  { items, previous }: Conversation,
  { body, exchange, services }: Keeping,
): ResponseStreamOptions['keep'] {
  const input = items.map((item, at) => withId(item, at, exchange))
  return (ended) => {
    if (!isKept(body)) return undefined
    return services.responses.save(exchange.caller, { ...ended, input, previous }).catch((thrown: unknown) => {
      exchange.log.warn({ err: asChatError(thrown) }, 'a response could not be stored')
    })
  }
}

/** Every item that is listed later has an id. */
function withId(item: unknown, at: number, { id }: Exchange): unknown {
  if (!isFields(item) || typeof item.id === 'string') return item
  return { ...item, id: `in_${id.replaceAll(/\W/g, '')}_${at}` }
}
