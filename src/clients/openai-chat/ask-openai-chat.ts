import { asChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { readComplaint } from '../../dialects/openai-chat/complaint.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import type { Call } from '../../flow/call.ts'
import { defer, type FlowOpening } from '../../flow/defer.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import type { Runtime } from '../../flow/runtime.ts'
import {
  type AddedFields,
  type FieldsPost,
  postWithoutRefusedFields,
  refusedField,
  rememberRefused,
} from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { addedFields } from './added-fields.ts'
import { readReply } from './read-reply.ts'
import { withImagesOfResults } from './refused-images.ts'

export interface AskOptions {
  readonly url: string
  /** The IP address to connect to, so that the URL's name is not resolved again. */
  readonly address?: string
  /** Headers of the request, with the key. */
  readonly headers: Readonly<Record<string, string>>
  /** Encodes a request's body, without `stream` and its options. */
  encode(request: ChatRequest): Fields
  /** Fields that go with `stream: true`. */
  streamFields?(body: Fields): Fields
  /** The fields that the upstream has refused before. They are not sent again. */
  readonly refused?: RefusedFields
}

/**
 * Asks a service that answers in this dialect. The service is asked for a stream, unless the client has the same
 * dialect and wants a whole answer.
 */
export function askOpenaiChat(options: AskOptions, request: ChatRequest, call: Call): Flow {
  const { url, address, refused } = options
  const stream = request.stream || request.dialect !== dialect
  const encoded = options.encode(request)
  const body = stream ? { ...encoded, stream: true, ...options.streamFields?.(encoded) } : encoded
  const where = { url, ...(address !== undefined && { address }) }
  // the service may be another gateway, or this one
  const headers = { ...options.headers, 'x-tributary-hops': String(call.hops + 1) }
  const post = { ...where, headers, body, stream, readComplaint }
  const ours = withImagesOfResults(addedFields(request, call.receipt, refused), request, options)
  const { choices = 1, stop } = request.parameters
  const reading = { choices, newId: () => newCallId(call.signal.runtime), ...(stop && { stop }) }
  const ask: AskReply = (asked, onPosted) =>
    flowOf(async (signal) => {
      const { reply, body: sent } = await postWithoutRefusedFields(asked, ours, signal)
      onPosted?.(sent)
      return readReply(reply, { ...reading, signal, stream: sent.stream === true })
    }, call.signal)
  if (refused?.isProven(request.model)) return ask(post)
  return defer(async (opening) => {
    const begun = await beginWithoutRefused({ post, ours, ask, opening })
    refused?.prove(request.model)
    return begun
  }, call.signal)
}

/** @param onPosted receives the body that the service replied to */
type AskReply = (post: FieldsPost, onPosted?: (body: Fields) => void) => Flow

interface RepeatablePost {
  readonly post: FieldsPost
  readonly ours: AddedFields
  readonly ask: AskReply
  readonly opening: FlowOpening
}

/**
 * Begins the answer. If it begins with a refusal of a field that we added, the request is sent again without that
 * field.
 */
async function beginWithoutRefused({ post, ours, ask, opening }: RepeatablePost): Promise<Flow> {
  const posted: { body?: Fields } = {}
  const onPosted = (body: Fields) => {
    posted.body = body
  }
  try {
    return await opening.begin(ask(post, onPosted))
  } catch (thrown) {
    const { body } = posted
    // `postWithoutRefusedFields` has already handled a refusal that came as an HTTP status
    const field = body && refusedField(asChatError(thrown), { body, added: ours })
    if (!body || field === undefined || opening.signal.aborted) throw thrown
    const begun = await opening.begin(ask({ ...post, body: ours.without(body, field) }))
    rememberRefused([field], ours, opening.signal)
    return begun
  }
}

/** The header with a key; no header without a key. */
export function bearer(key: Secret | undefined): Readonly<Record<string, string>> {
  return key ? { authorization: `Bearer ${key.reveal()}` } : {}
}

function newCallId(runtime: Runtime): string {
  return `call_${runtime.newId().replaceAll('-', '').slice(0, 24)}`
}
