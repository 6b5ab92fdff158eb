import { asChatError, ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isFields } from '../../../dialects/fields.ts'
import { answerSupport, sealingSupport } from '../../../dialects/openai-responses/answer-support.ts'
import { CompactionStream, compactionItem, summaryIn } from '../../../dialects/openai-responses/compaction.ts'
import { bodyIn, decodeRequest, withFlags } from '../../../dialects/openai-responses/decode-request.ts'
import { failureOf } from '../../../dialects/openai-responses/encode-error.ts'
import { ResponseStream } from '../../../dialects/openai-responses/encode-stream.ts'
import { ItemMaker, itemsOf } from '../../../dialects/openai-responses/items.ts'
import { encodeResponse, endOf } from '../../../dialects/openai-responses/response-object.ts'
import type { EndedResponse } from '../../../dialects/openai-responses/response-writer.ts'
import type { Answer } from '../../../flow/fold.ts'
import { answerBody, answerDecoded, type ChatProtocol, openAnswer } from '../../exchange/answer-chat.ts'
import type { OpenCall } from '../../exchange/calls.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'
import { answerInBackground } from './background.ts'
import { type Conversation, recall } from './conversation.ts'
import type { CreatedResponse, ResponseSurface } from './created.ts'
import { sealerFor } from './sealer.ts'

const protocol: ChatProtocol<CreatedResponse> = {
  support: ({ writing }) => (writing.sealer ? sealingSupport : answerSupport),
  async decode({ value }, exchange, services) {
    const body = withFlags(bodyIn(value))
    if (body.background === true && !isKept(body)) throw unkeptBackground()
    const conversation = await recall(body, { responses: services.responses, caller: exchange.caller })
    const sealer = await sealerFor(exchange, services)
    const decoded = decodeRequest({ ...body, input: conversation.items }, { earlier: conversation.earlier, sealer })
    const { runtime } = exchange
    const now = () => Math.floor(runtime.now() / 1_000)
    const save = saveFor(conversation, exchange, services)
    const showsSealed = includes(body, 'reasoning.encrypted_content')
    return {
      ...decoded,
      writing: {
        ...{ id: `resp_${runtime.newId().replaceAll('-', '')}`, created: now(), body, now, names: decoded.names },
        ...{ sealer: showsSealed || isKept(body) ? sealer : undefined, showsSealed },
        keep: (ended) => (isKept(body) ? keep({ ended, save }, exchange) : undefined),
      },
      save,
      sealer,
    }
  },
  stream: surfaceFor,
  whole: (created) => async (answer) => {
    const { writing } = created
    const ended = encodeWhole(answer, created)
    await writing.keep(ended)
    return { value: ended.response }
  },
}

/** `POST /v1/responses` */
export const createResponse = answerBody(protocol.decode, (created, running) => {
  if (created.body.background !== true) return answerDecoded(protocol, created, running)
  const { services } = running
  const background = { ...created, request: { ...created.request, stream: true } }
  const ask = (open: OpenCall) => openAnswer(protocol, background, { open, services })
  return answerInBackground({ created, surface: surfaceFor(created), ask }, running)
})

function unkeptBackground(): ChatError {
  const message = 'store: a background response must be stored. Leave out "store", or read the answer yourself.'
  return new ChatError('invalid-request', { message, param: 'store' })
}

function includes({ include }: Fields, what: string): boolean {
  return Array.isArray(include) && include.includes(what)
}

function isKept({ store }: Fields): boolean {
  return store !== false
}

function surfaceFor({ writing, sealer, isCompaction }: CreatedResponse): ResponseSurface {
  return isCompaction ? new CompactionStream({ ...writing, sealer }) : new ResponseStream(writing)
}

function encodeWhole({ choices: [choice], usage }: Answer, created: CreatedResponse): EndedResponse {
  const { writing, sealer, isCompaction } = created
  if (isCompaction) {
    const items = [compactionItem(writing.id, summaryIn(choice?.parts), sealer)]
    const response = encodeResponse(writing, { status: 'completed', output: items, usage, completed: writing.now() })
    return { response, items }
  }
  const end = endOf(choice?.finish)
  const made = itemsOf({ parts: [], ...choice, status: end.status }, new ItemMaker(writing))
  const output = made.flatMap(({ shown }) => (shown ? [shown] : []))
  const response = encodeResponse(writing, { ...end, output, usage, completed: writing.now() })
  return { response, items: made.map(({ kept }) => kept) }
}

function saveFor(
  { items, previous }: Conversation,
  exchange: Exchange,
  { responses }: Services,
): CreatedResponse['save'] {
  const input = items.map((item, at) => withId(item, at, exchange))
  return (ended) => responses.save(exchange.caller, { ...ended, input, previous })
}

interface Keeping {
  readonly ended: EndedResponse
  readonly save: CreatedResponse['save']
}

/** Stores a response. A failure is logged: the answer is right without it. One that is stored already, without its end, has failed then. */
async function keep({ ended, save }: Keeping, { log }: Exchange): Promise<void> {
  try {
    await save(ended)
  } catch (thrown) {
    const error = asChatError(thrown)
    log.warn({ err: error }, 'a response could not be stored')
    if (ended.response.background !== true) return
    const failed = { ...ended.response, status: 'failed', error: failureOf(error), output: [] }
    await save({ response: failed, items: [] }).catch(() => undefined)
  }
}

/** Every item that is listed later has an id. */
function withId(item: unknown, at: number, { id }: Exchange): unknown {
  if (!isFields(item) || typeof item.id === 'string') return item
  return { ...item, id: `in_${id.replaceAll(/\W/g, '')}_${at}` }
}
