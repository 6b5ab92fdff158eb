import { asChatError, ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isFields } from '../../../dialects/fields.ts'
import { answerSupport, sealingSupport } from '../../../dialects/openai-responses/answer-support.ts'
import { CompactionStream, compactionItem, summaryIn } from '../../../dialects/openai-responses/compaction.ts'
import { bodyIn, decodeRequest, itemsIn, withFlags } from '../../../dialects/openai-responses/decode-request.ts'
import { failureOf } from '../../../dialects/openai-responses/encode-error.ts'
import { encryptedReasoning } from '../../../dialects/openai-responses/encode-request.ts'
import { ResponseStream } from '../../../dialects/openai-responses/encode-stream.ts'
import { ItemMaker, itemsOf } from '../../../dialects/openai-responses/items.ts'
import { hasPlainInput } from '../../../dialects/openai-responses/plain-input.ts'
import { relayResponse } from '../../../dialects/openai-responses/relayed-response.ts'
import { encodeResponse, endOf } from '../../../dialects/openai-responses/response-object.ts'
import type { EndedResponse } from '../../../dialects/openai-responses/response-writer.ts'
import type { ContentSealer } from '../../../dialects/openai-responses/sealed-extra.ts'
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
  decode({ value, bytes }, exchange, services) {
    const body = withFlags(bodyIn(value))
    if (body.background === true && !isKept(body)) throw unkeptBackground()
    const running = { exchange, services }
    if (body !== value || !hasPlainInput(body)) return decodeFully(body, running)
    const plain = { conversation: { earlier: [], items: itemsIn(body), previous: undefined }, bytes }
    if (!isSealed(body)) return created(body, plain, running)
    return sealerFor(exchange, services).then((sealer) => created(body, { ...plain, sealer }, running))
  },
  stream: surfaceFor,
  whole: (response) => (answer) => {
    const { body, writing, isCompaction } = response
    const relayed = isKept(body) || isCompaction ? undefined : relayResponse(answer, writing)
    if (relayed) return relayed
    const ended = encodeWhole(answer, response)
    const written = { value: ended.response }
    return writing.keep(ended)?.then(() => written) ?? written
  },
}

interface Running {
  readonly exchange: Exchange
  readonly services: Services
}

async function decodeFully(body: Fields, running: Running): Promise<CreatedResponse> {
  const { exchange, services } = running
  const conversation = await recall(body, { responses: services.responses, caller: exchange.caller })
  return created(body, { conversation, sealer: await sealerFor(exchange, services) }, running)
}

interface Given {
  readonly conversation: Conversation
  readonly sealer?: ContentSealer | undefined
  /** The JSON of a body whose input is plain. */
  readonly bytes?: Uint8Array
}

function created(
  body: Fields,
  { conversation, sealer, bytes }: Given,
  { exchange, services }: Running,
): CreatedResponse {
  const { items, earlier } = conversation
  const decoded = bytes
    ? decodeRequest(body, { sealer, bytes })
    : decodeRequest({ ...body, input: items }, { earlier, sealer })
  const { runtime } = exchange
  const now = () => Math.floor(runtime.now() / 1_000)
  const save = saveFor(conversation, exchange, services)
  return {
    ...decoded,
    writing: {
      ...{ id: `resp_${runtime.newId().replaceAll('-', '')}`, created: now(), body, now, names: decoded.names },
      ...{ sealer: isSealed(body) ? sealer : undefined, showsSealed: showsSealed(body) },
      keep: (ended) => (isKept(body) ? keep({ ended, save }, exchange) : undefined),
    },
    save,
    sealer,
  }
}

/** `POST /v1/responses` */
export const createResponse = answerBody(protocol.decode, (response, running) => {
  if (response.body.background !== true) return answerDecoded(protocol, response, running)
  const { services } = running
  const background = { ...response, request: { ...response.request, stream: true } }
  const ask = (open: OpenCall) => openAnswer(protocol, background, { open, services })
  return answerInBackground({ created: response, surface: surfaceFor(response), ask }, running)
})

function unkeptBackground(): ChatError {
  const message = 'store: a background response must be stored. Leave out "store", or read the answer yourself.'
  return new ChatError('invalid-request', { message, param: 'store' })
}

/** Whether the client wants what is sealed. */
function showsSealed({ include }: Fields): boolean {
  return Array.isArray(include) && include.includes(encryptedReasoning)
}

/** Whether anybody keeps what is sealed. */
function isSealed(body: Fields): boolean {
  return showsSealed(body) || isKept(body)
}

function isKept({ store }: Fields): boolean {
  return store !== false
}

function surfaceFor({ writing, sealer, isCompaction }: CreatedResponse): ResponseSurface {
  return isCompaction ? new CompactionStream({ ...writing, sealer }) : new ResponseStream(writing)
}

function encodeWhole({ choices: [choice], usage }: Answer, response: CreatedResponse): EndedResponse {
  const { writing, sealer, isCompaction } = response
  if (isCompaction) {
    const items = [compactionItem(writing.id, summaryIn(choice?.parts), sealer)]
    const state = { status: 'completed', output: items, usage, completed: writing.now() } as const
    return { response: encodeResponse(writing, state), items }
  }
  const end = endOf(choice?.finish)
  const made = itemsOf({ parts: [], ...choice, status: end.status }, new ItemMaker(writing))
  const output = made.flatMap(({ shown }) => (shown ? [shown] : []))
  return {
    response: encodeResponse(writing, { ...end, output, usage, completed: writing.now() }),
    items: made.map(({ kept }) => kept),
  }
}

function saveFor(
  { items, previous }: Conversation,
  exchange: Exchange,
  { responses }: Services,
): CreatedResponse['save'] {
  return (ended) => {
    const input = items.map((item, at) => withId(item, at, exchange))
    return responses.save(exchange.caller, { ...ended, input, previous })
  }
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
