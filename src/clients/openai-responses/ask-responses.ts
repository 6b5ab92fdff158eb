import type { Fields } from '../../chat/message.ts'
import type { NoteQuota } from '../../chat/quota.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { readComplaint } from '../../dialects/openai-responses/complaint.ts'
import { dialect } from '../../dialects/openai-responses/dialect.ts'
import { encodeRequest, isStreamed } from '../../dialects/openai-responses/encode-request.ts'
import { NativeResponse } from '../../dialects/openai-responses/native-response.ts'
import { relayRequest } from '../../dialects/openai-responses/relay-request.ts'
import { withShortNames } from '../../dialects/short-names.ts'
import type { Call, Receipt } from '../../flow/call.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'
import { type AddedFields, type FieldsPost, postWithoutRefusedFields } from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { openReply } from '../open-reply.ts'
import { addedFields } from './added-fields.ts'
import { responseReader } from './read-reply.ts'

interface ResponsesAccess {
  readonly url: string
  /** Headers of the request, with the key. */
  readonly headers: Readonly<Record<string, string>>
  readonly refused: RefusedFields
  /** Members that are added to the body of a request. */
  added?(request: ChatRequest): Fields | undefined
}

/** Asks a service that has OpenAI's Responses API. */
export function askResponses(access: ResponsesAccess, request: ChatRequest, call: Call): Flow {
  const short = withShortNames(request, dialect)
  if (short)
    return map(askResponses(access, short.request, call), (batch) => batch.map((event) => short.restore(event)))
  const names = request.native instanceof NativeResponse ? request.native.parts.names : undefined
  const isRelayed = request.dialect === dialect
  const { noteDrift } = call
  return flowOf(
    (signal) =>
      postWithoutRefusedFields(new ResponsesPost(access, request, call), signal, (reply, { stream }) =>
        openReply(responseReader, reply, { stream, names, isRelayed, noteDrift, signal, link: signal }),
      ),
    call.signal,
  )
}

/** A request for a response. What few requests need is made when it is asked for. */
class ResponsesPost implements FieldsPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly json: readonly Uint8Array[] | undefined
  readonly stream: boolean
  readonly refused: RefusedFields
  readonly readComplaint = readComplaint
  readonly noteQuota: NoteQuota | undefined
  readonly #request: ChatRequest
  readonly #receipt: Receipt
  readonly #more: Fields | undefined
  #body: Fields | undefined

  constructor({ url, headers, refused, added }: ResponsesAccess, request: ChatRequest, call: Call) {
    this.url = url
    // the service may be another gateway, or this one
    this.headers = { ...headers, 'x-tributary-hops': String(call.hops + 1) }
    this.json = relayRequest(request)
    this.stream = isStreamed(request)
    this.refused = refused
    this.noteQuota = call.noteQuota
    this.#request = request
    this.#more = added?.(request)
    this.#receipt = call.receipt
  }

  body(): Fields {
    this.#body ??= { ...encodeRequest(this.#request), ...this.#more }
    return this.#body
  }

  added(): AddedFields {
    return addedFields(this.#request, this.#receipt)
  }
}
