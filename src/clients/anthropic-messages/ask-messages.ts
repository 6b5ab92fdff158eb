import type { Fields } from '../../chat/message.ts'
import type { NoteQuota } from '../../chat/quota.ts'
import { type ChatRequest, type Parameter, sentFields } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { readComplaint } from '../../dialects/anthropic-messages/complaint.ts'
import { dialect } from '../../dialects/anthropic-messages/dialect.ts'
import { encodeRequest, isStreamed } from '../../dialects/anthropic-messages/encode-request.ts'
import { relayRequest } from '../../dialects/anthropic-messages/native-messages.ts'
import type { Call, Receipt } from '../../flow/call.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import { type AddedFields, type FieldsPost, postWithoutRefusedFields } from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { openReply } from '../open-reply.ts'
import { addedFields, type LearnedFacts } from './added-fields.ts'
import { messageReader } from './read-reply.ts'

export interface MessagesService extends LearnedFacts {
  /** The base URL, without the version. */
  readonly origin: string
  /** Headers of each request, besides the key. */
  readonly headers: Readonly<Record<string, string>>
  readonly refused: RefusedFields
  /** Whether it may expect the key as a bearer, and not in `x-api-key`, as services do that are not Anthropic's. */
  readonly takesBearer?: boolean
}

/** A service, and the key to it. */
interface MessagesAccess {
  readonly service: MessagesService
  readonly key: Secret | undefined
}

/**
 * Asks a service that has Anthropic's Messages API. The service is asked for a stream, unless the client has the same dialect and
 * wants a whole answer.
 */
export function askMessages(access: MessagesAccess, request: ChatRequest, call: Call): Flow {
  const isRelayed = request.dialect === dialect
  const { noteDrift } = call
  return flowOf(
    (signal) =>
      postWithoutRefusedFields(new MessagesPost(access, request, call), signal, (reply, { stream }) =>
        openReply(messageReader, reply, { stream, isRelayed, noteDrift, signal, link: signal }),
      ),
    call.signal,
  )
}

/** A request for a message. What few requests need is made when it is asked for. */
class MessagesPost implements FieldsPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly json: readonly Uint8Array[] | undefined
  readonly stream: boolean
  readonly refused: RefusedFields
  readonly readComplaint = readComplaint
  readonly noteQuota: NoteQuota | undefined
  readonly #service: MessagesService
  readonly #request: ChatRequest
  readonly #receipt: Receipt
  #body: Fields | undefined

  constructor({ service, key }: MessagesAccess, request: ChatRequest, call: Call) {
    this.url = `${service.origin}/v1/messages`
    // the service may be another gateway, or this one
    this.headers = { ...headersFor(service, key, betasOf(request)), 'x-tributary-hops': String(call.hops + 1) }
    this.json = relayRequest(request)
    this.stream = isStreamed(request)
    this.refused = service.refused
    this.noteQuota = call.noteQuota
    this.#service = service
    this.#request = request
    this.#receipt = call.receipt
  }

  body(): Fields {
    this.#body ??= this.#encode()
    return this.#body
  }

  added(): AddedFields {
    return addedFields(this.#request, this.#receipt, this.#service)
  }

  #encode(): Fields {
    const body = encodeRequest(this.#request, this.#service.factsOf(this.#request.model))
    noteLeftOut(this.#request, body, this.#receipt)
    return body
  }
}

/**
 * The headers with the key. A header that the operator sets replaces it.
 * @param betas features that the client asks for. Those that the operator asks for come first
 */
export function headersFor(
  { headers, takesBearer = false }: Pick<MessagesService, 'headers' | 'takesBearer'>,
  key: Secret | undefined,
  betas?: string,
): Readonly<Record<string, string>> {
  const wanted = [headers['anthropic-beta'], betas].filter((each) => each !== undefined).join(',')
  return {
    ...(key && headers.authorization === undefined && keyHeader(key, takesBearer)),
    'anthropic-version': '2023-06-01',
    ...headers,
    ...(wanted !== '' && { 'anthropic-beta': wanted }),
  }
}

function keyHeader(key: Secret, takesBearer: boolean) {
  return { 'x-api-key': key.reveal(), ...(takesBearer && { authorization: `Bearer ${key.reveal()}` }) }
}

function betasOf(request: ChatRequest): string | undefined {
  const betas = request.dialect === dialect ? sentFields(request)['anthropic-beta'] : undefined
  return typeof betas === 'string' ? betas : undefined
}

/** The members of the body that a parameter becomes, if the encoder may leave it out. */
const members: readonly (readonly [Parameter, readonly string[]])[] = [
  ['temperature', ['temperature']],
  ['topP', ['top_p']],
  ['stop', ['stop_sequences']],
  ['reasoningEffort', ['thinking', 'output_config']],
  ['serviceTier', ['service_tier']],
]

/** Notes the parameters that Anthropic does not take together with the others. */
function noteLeftOut({ parameters, spelling }: ChatRequest, body: Fields, receipt: Receipt): void {
  for (const [parameter, names] of members) {
    const name = spelling[parameter]
    const isWritten = parameters[parameter] === undefined || names.some((each) => body[each] !== undefined)
    if (name !== undefined && !isWritten) receipt.parameters.set(name, 'dropped')
  }
}
