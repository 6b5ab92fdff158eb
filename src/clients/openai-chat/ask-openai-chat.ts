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
  /** An IP address that is connected to, whatever the URL's name means by then. */
  readonly address?: string
  /** The key among them. */
  readonly headers: Readonly<Record<string, string>>
  /** Writes a request's body, but for `stream` and what belongs to it. */
  encode(request: ChatRequest): Fields
  /** What a stream is asked with beside `stream: true`. */
  streamFields?(body: Fields): Fields
  /** What is known of the upstream: what it refuses is not sent again. */
  readonly refused?: RefusedFields
}

/**
 * Asks a service that answers in this dialect. A client of the same dialect that wants its answer whole gets the
 * service's own whole; everybody else a stream.
 */
export function askOpenaiChat(options: AskOptions, request: ChatRequest, call: Call): Flow {
  const { url, address, refused } = options
  const stream = request.stream || request.dialect !== dialect
  const encoded = options.encode(request)
  const body = stream ? { ...encoded, stream: true, ...options.streamFields?.(encoded) } : encoded
  const where = { url, ...(address !== undefined && { address }) }
  // whoever it is may be another gateway, or this one
  const headers = { ...options.headers, 'x-tributary-hops': String(call.hops + 1) }
  const question = { ...where, headers, body, stream, readComplaint }
  const ours = withImagesOfResults(addedFields(request, call.receipt, refused), request, options)
  const { choices = 1, stop } = request.parameters
  const reading = { choices, newId: () => newCallId(call.signal.runtime), ...(stop && { stop }) }
  const ask: AskReply = (asked, onPosted) =>
    flowOf(async (signal) => {
      const { reply, body: sent } = await postWithoutRefusedFields(asked, ours, signal)
      onPosted?.(sent)
      return readReply(reply, { ...reading, signal, stream: sent.stream === true })
    }, call.signal)
  if (refused?.isProven(request.model)) return ask(question)
  return defer(async (opening) => {
    const begun = await beginWithoutRefused({ question, ours, ask, opening })
    refused?.prove(request.model)
    return begun
  }, call.signal)
}

/** @param onPosted called with the body that was replied to */
type AskReply = (question: FieldsPost, onPosted?: (body: Fields) => void) => Flow

interface MendableQuestion {
  readonly question: FieldsPost
  readonly ours: AddedFields
  readonly ask: AskReply
  readonly opening: FlowOpening
}

/** The answer that has begun; where it begins with a refusal of what we added, the question is put again without that. */
async function beginWithoutRefused({ question, ours, ask, opening }: MendableQuestion): Promise<Flow> {
  const posted: { body?: Fields } = {}
  const onPosted = (body: Fields) => {
    posted.body = body
  }
  try {
    return await opening.begin(ask(question, onPosted))
  } catch (thrown) {
    const { body } = posted
    // a refusal in place of a reply has been seen to already
    const field = body && refusedField(asChatError(thrown), { body, added: ours })
    if (!body || field === undefined || opening.signal.aborted) throw thrown
    const begun = await opening.begin(ask({ ...question, body: ours.without(body, field) }))
    rememberRefused([field], ours, opening.signal)
    return begun
  }
}

/** The header of a key; none where none is asked for. */
export function bearer(key: Secret | undefined): Readonly<Record<string, string>> {
  return key ? { authorization: `Bearer ${key.reveal()}` } : {}
}

function newCallId(runtime: Runtime): string {
  return `call_${runtime.newId().replaceAll('-', '').slice(0, 24)}`
}
