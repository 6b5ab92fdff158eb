import type { ChatRequest } from '../../chat/request.ts'
import { readComplaint } from '../../dialects/openai-responses/complaint.ts'
import { dialect } from '../../dialects/openai-responses/dialect.ts'
import { encodeRequest, isStreamed } from '../../dialects/openai-responses/encode-request.ts'
import { NativeResponse } from '../../dialects/openai-responses/native-response.ts'
import { withShortNames } from '../../dialects/short-names.ts'
import type { Call } from '../../flow/call.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'
import { type FieldsPost, postWithoutRefusedFields } from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { addedFields } from './added-fields.ts'
import { readReply } from './read-reply.ts'

interface ResponsesAccess {
  readonly url: string
  /** Headers of the request, with the key. */
  readonly headers: Readonly<Record<string, string>>
  readonly refused: RefusedFields
}

/** Asks a service that has OpenAI's Responses API. */
export function askResponses(access: ResponsesAccess, request: ChatRequest, call: Call): Flow {
  const short = withShortNames(request, dialect)
  if (short)
    return map(askResponses(access, short.request, call), (batch) => batch.map((event) => short.restore(event)))
  const names = request.native instanceof NativeResponse ? request.native.parts.names : undefined
  return flowOf(
    (signal) =>
      postWithoutRefusedFields(postOf(access, request, call), signal, (reply, { stream }) =>
        readReply(reply, { stream, names, signal, link: signal }),
      ),
    call.signal,
  )
}

function postOf({ url, headers, refused }: ResponsesAccess, request: ChatRequest, call: Call): FieldsPost {
  const body = encodeRequest(request)
  return {
    url,
    // the service may be another gateway, or this one
    headers: { ...headers, 'x-tributary-hops': String(call.hops + 1) },
    body: () => body,
    added: () => addedFields(request, call.receipt),
    refused,
    stream: isStreamed(request),
    readComplaint,
  }
}
