import { asChatError, type ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { NoteQuota } from '../../chat/quota.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { readComplaint } from '../../dialects/openai-chat/complaint.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import { withShortNames } from '../../dialects/short-names.ts'
import type { Call } from '../../flow/call.ts'
import { defer, type FlowOpening } from '../../flow/defer.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import { noteForeignParts } from '../../flow/losses.ts'
import { map } from '../../flow/map.ts'
import type { Runtime } from '../../flow/runtime.ts'
import {
  type AddedFields,
  type FieldsPost,
  type PostedBody,
  postWithoutRefusedFields,
  refusedField,
  rememberRefused,
} from '../../wire/post-without-refused-fields.ts'
import type { RefusedFields } from '../../wire/refused-fields.ts'
import { openReply } from '../open-reply.ts'
import { addedFields } from './added-fields.ts'
import { completionReader } from './read-reply.ts'
import { withImagesOfResults } from './refused-images.ts'

export interface AskOptions {
  readonly url: string
  /** The IP address to connect to, so that the URL's name is not resolved again. */
  readonly address?: string
  /** Headers of the request, with the key. */
  readonly headers: Readonly<Record<string, string>>
  /** Encodes a request's body, without `stream` and its options. */
  encode(request: ChatRequest): Fields
  /**
   * Returns the JSON of the request's own body, if it can be sent in place of the encoded one. It has the fields for a
   * stream, if the client wants one.
   */
  relay?(request: ChatRequest): readonly Uint8Array[] | undefined
  /** Fields that go with `stream: true`. */
  streamFields?(body: Fields): Fields
  /** The fields that the upstream has refused before. They are not sent again. */
  readonly refused?: RefusedFields
  /** Asks another API of the service, if a refusal says that only that one has the model. */
  instead?(refusal: ChatError): Flow | undefined
}

/**
 * Asks a service that answers in this dialect. The service is asked for a stream, unless the client has the same
 * dialect and wants a whole answer.
 */
export function askOpenaiChat(options: AskOptions, request: ChatRequest, call: Call): Flow {
  const short = withShortNames(request, dialect)
  if (short)
    return map(askOpenaiChat(options, short.request, call), (batch) => batch.map((event) => short.restore(event)))
  // a client of this dialect sends no part that it does not know
  if (request.dialect !== dialect) noteForeignParts(request, dialect, call.receipt.lost)
  const post = new ChatPost(options, request, call)
  const newId = idsOf(call.signal.runtime)
  const { choices = 1, stop } = request.parameters
  const { noteDrift } = call
  const ask: AskReply = (asked, onPosted) =>
    flowOf(
      (signal) =>
        postWithoutRefusedFields(asked, signal, (reply, posted) => {
          onPosted?.(posted)
          return openReply(completionReader, reply, {
            choices,
            stop,
            stream: posted.stream,
            newId,
            noteDrift,
            signal,
            link: signal,
          })
        }),
      call.signal,
    )
  const proof = proofOf(request)
  if (options.refused?.isProven(proof)) return ask(post)
  return defer(async (opening) => {
    const begun = await beginWithoutRefused({ post, ask, opening, instead: options.instead })
    options.refused?.prove(proof)
    return begun
  }, call.signal)
}

/** What an answer proves. Some models take tools only without an effort. OpenAI, Chat Completions */
function proofOf({ model, parameters: { tools, reasoningEffort } }: ChatRequest): string {
  return tools && reasoningEffort !== undefined ? `${model} with tools and an effort` : model
}

/** A request for a chat. What few requests need is made when it is asked for. */
class ChatPost implements FieldsPost {
  readonly url: string
  readonly address: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly json: readonly Uint8Array[] | undefined
  readonly stream: boolean
  readonly readComplaint = readComplaint
  readonly noteQuota: NoteQuota | undefined
  readonly #options: AskOptions
  readonly #request: ChatRequest
  readonly #call: Call
  #body: Fields | undefined
  #added: AddedFields | undefined

  constructor(options: AskOptions, request: ChatRequest, call: Call) {
    this.url = options.url
    this.address = options.address
    // the service may be another gateway, or this one
    this.headers = { ...options.headers, 'x-tributary-hops': String(call.hops + 1) }
    this.json = options.relay?.(request)
    this.stream = request.stream || request.dialect !== dialect
    this.noteQuota = call.noteQuota
    this.#options = options
    this.#request = request
    this.#call = call
  }

  get refused(): RefusedFields | undefined {
    return this.#options.refused
  }

  body(): Fields {
    this.#body ??= encodeBody(this.#options, this.#request, this.stream)
    return this.#body
  }

  added(): AddedFields {
    this.#added ??= this.#findAdded()
    return this.#added
  }

  #findAdded(): AddedFields {
    return withImagesOfResults(addedFields(this.#request, this.#call.receipt), this.#request, this.#options)
  }

  /** The same post with another body. */
  withBody(body: Fields): FieldsPost {
    const { url, address, headers, refused, noteQuota } = this
    return {
      ...{ url, ...(address !== undefined && { address }), headers, refused, readComplaint, noteQuota },
      body: () => body,
      added: () => this.added(),
      stream: body.stream === true,
    }
  }
}

function encodeBody(options: AskOptions, request: ChatRequest, stream: boolean): Fields {
  const encoded = options.encode(request)
  return stream ? { ...encoded, stream: true, ...options.streamFields?.(encoded) } : encoded
}

/** @param onPosted receives the body that the service replied to */
type AskReply = (post: FieldsPost, onPosted?: (posted: PostedBody) => void) => Flow

interface RepeatablePost {
  readonly post: ChatPost
  readonly ask: AskReply
  readonly opening: FlowOpening
  readonly instead: AskOptions['instead']
}

/**
 * Begins the answer. If it begins with a refusal of a field that we added, the request is sent again without that
 * field.
 */
async function beginWithoutRefused({ post, ask, opening, instead }: RepeatablePost): Promise<Flow> {
  let posted: PostedBody | undefined
  const onPosted = (body: PostedBody) => {
    posted = body
  }
  try {
    return await opening.begin(ask(post, onPosted))
  } catch (thrown) {
    const other = opening.signal.aborted ? undefined : instead?.(asChatError(thrown))
    if (other) return await opening.begin(other)
    // `postWithoutRefusedFields` has already handled a refusal that came as an HTTP status
    if (!posted || opening.signal.aborted) throw thrown
    const [body, added] = [posted.body(), post.added()]
    const field = refusedField(asChatError(thrown), { body, added })
    if (field === undefined) throw thrown
    const reduced = added.without(body, field)
    const begun = await opening.begin(ask(post.withBody(reduced)))
    rememberRefused([field], post, opening.signal)
    return begun
  }
}

/** The header with a key; no header without a key. */
export function bearer(key: Secret | undefined): Readonly<Record<string, string>> {
  return key ? { authorization: `Bearer ${key.reveal()}` } : {}
}

/** Makes ids of tool calls. The answer keeps this function, so nothing of the request may be in its scope. */
function idsOf(runtime: Runtime): () => string {
  return () => `call_${runtime.newId().replaceAll('-', '').slice(0, 24)}`
}
