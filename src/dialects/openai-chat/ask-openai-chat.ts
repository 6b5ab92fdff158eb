import { beginOrError } from '../../chat/begin.ts'
import { defer } from '../../chat/defer.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import type { Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import {
  type AddedFields,
  type FieldsPost,
  type PostedReply,
  postWithoutRefusedFields,
  refusedField,
  rememberRefused,
} from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { addedFields } from './added-fields.ts'
import { readComplaint } from './complaint.ts'
import { dialect } from './dialect.ts'
import { readReply } from './read-reply.ts'

export interface AskOptions {
  readonly url: string
  /** An IP address that is connected to, whatever the URL's name means by then. */
  readonly address?: string
  /** The key among them. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, but for `stream` and what belongs to it. */
  readonly body: Fields
  /** What a stream is asked with beside `stream: true`. */
  readonly streamFields?: Fields
  /** What is known of the upstream: what it refuses is not sent again. */
  readonly refused?: RefusedFields
}

/**
 * Asks a service that answers in this dialect. A client of the same dialect that wants its answer whole gets the
 * service's own whole; everybody else a stream.
 */
export function askOpenaiChat(options: AskOptions, request: ChatRequest, call: Call): AsyncIterable<ChatEvent> {
  const { url, address, refused } = options
  const stream = request.stream || request.dialect !== dialect
  const body = stream ? { ...options.body, stream: true, ...options.streamFields } : options.body
  const where = { url, ...(address !== undefined && { address }) }
  // whoever it is may be another gateway, or this one
  const headers = { ...options.headers, 'x-tributary-hops': String(call.hops + 1) }
  const question = { ...where, headers, body, stream, readComplaint }
  const ours = addedFields(request, call.receipt, refused)
  return defer(async () => {
    const mended = await postWithoutRefusedFields(question, ours, call.signal)
    const read = ({ reply, body: asked }: PostedReply) =>
      readReply(reply, { ...reading(request, call), stream: asked.stream === true })
    if (refused?.isProven(request.model)) return read(mended)
    const events = await insideMended(mended, { question, ours, signal: call.signal, read })
    refused?.prove(request.model)
    return events
  })
}

function reading({ parameters }: ChatRequest, { signal }: Call) {
  const { choices = 1, stop } = parameters
  return { signal, choices, newId, ...(stop && { stop }) }
}

interface Mending {
  readonly question: FieldsPost
  readonly ours: AddedFields
  readonly signal: Cancel
  readonly read: (mended: PostedReply) => AsyncIterable<ChatEvent>
}

/** The events of a reply; where the first of them is a refusal of what we added, the question is put again without that. */
async function insideMended(
  mended: PostedReply,
  { question, ours, signal, read }: Mending,
): Promise<AsyncIterable<ChatEvent>> {
  const begun = await beginOrError(() => read(mended))
  if (!(begun instanceof ChatError)) return begun.events
  const field = refusedField(begun, { body: mended.body, added: ours })
  if (field === undefined || signal.aborted) throw begun
  const body = ours.without(mended.body, field)
  const again = await beginOrError(() =>
    defer(async () => read(await postWithoutRefusedFields({ ...question, body }, ours, signal))),
  )
  if (again instanceof ChatError) throw again
  rememberRefused([field], ours)
  return again.events
}

/** The header of a key; none where none is asked for. */
export function bearer(key: Secret | undefined): Readonly<Record<string, string>> {
  return key ? { authorization: `Bearer ${key.reveal()}` } : {}
}

function newId(): string {
  return `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
}
