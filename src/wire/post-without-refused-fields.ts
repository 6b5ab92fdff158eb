import type { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { HttpReply } from './http-reply.ts'
import { isAnswer, type JsonTarget, notAnswered, sendJson } from './post-json.ts'
import { noteQuota } from './quota-headers.ts'
import { complainsOfAny, names, type RefusedFields } from './refused-fields.ts'

/** The fields of a request's body that the gateway added, and how the body looks without them. */
export interface AddedFields {
  /** The fields that the client did not send. The first is dropped first. */
  fields(body: Fields): readonly string[]
  /** The body without one of them: the field is removed, or has the client's value again. */
  without(body: Fields, field: string): Fields
  /** The key under which a field's refusal is remembered: the field's name, unless a single model refuses it. */
  keyOf(field: string): string
  /** Whether a refusal is about this field. Undefined leaves that to the names in the refusal. */
  isMeant?(field: string, refusal: string): boolean | undefined
}

/** The body of a request. */
export interface PostedBody {
  body(): Fields
  /** Whether the body asks for a stream. */
  readonly stream: boolean
}

/** A request whose fields may have to be left out. */
export interface FieldsPost extends JsonTarget, PostedBody {
  /** The body. It is needed only if it is not known as JSON, or if a field has to be left out. */
  body(): Fields
  /** The body as JSON. */
  readonly json?: readonly Uint8Array[] | undefined
  /** Called when fields may have to be left out. */
  added(): AddedFields
  /** Earlier refusals of this upstream. Without them, every request may be refused once more. */
  readonly refused?: RefusedFields | undefined
}

/** Reads a reply that is a success. @param posted the body of the request that got it */
export type ReadReply<Read> = (reply: HttpReply, posted: PostedBody) => Read | Promise<Read>

/** How many times one request is sent again. */
const maxRepeats = 3

/**
 * Posts the body. If the upstream refuses a field that the client did not send, this posts again at once without that
 * field, because a client's request must not fail for what we added. The refused fields are remembered.
 * @param read reads the reply
 * @throws ChatError a refusal that is not about an added field, or that comes after `maxRepeats`
 */
export function postWithoutRefusedFields<Read>(post: FieldsPost, signal: Cancel, read: ReadReply<Read>): Promise<Read> {
  return attempt({ post, signal, read, dropped: none, reduced: withoutKnown(post, signal) })
}

const none: readonly string[] = []

interface Attempt<Read> {
  readonly post: FieldsPost
  readonly signal: Cancel
  readonly read: ReadReply<Read>
  /** The fields that the upstream has just refused. */
  readonly dropped: readonly string[]
  /** The body without the refused fields; undefined while the body is sent as it is. */
  readonly reduced: Fields | undefined
}

function attempt<Read>(sent: Attempt<Read>): Promise<Read> {
  const { post, signal, dropped, reduced } = sent
  const body = reduced ? { value: reduced } : post.json ? { json: post.json } : { value: post.body() }
  return sendJson(post, body, signal).then((reply) => {
    noteQuota(post.noteQuota, reply)
    if (!isAnswer(reply)) return repeat(sent, reply)
    if (dropped.length > 0) rememberRefused(dropped, post, signal)
    return sent.read(reply, reduced ? { body: () => reduced, stream: reduced.stream === true } : post)
  })
}

/** Posts again without the field that the upstream has refused. @throws ChatError if the refusal is about something else */
async function repeat<Read>(sent: Attempt<Read>, reply: HttpReply): Promise<Read> {
  const { post, signal, dropped, reduced } = sent
  let complaint: unknown
  const error = await notAnswered(reply, (errorBody) => {
    complaint = errorBody
    return post.readComplaint(errorBody)
  })
  if (dropped.length >= maxRepeats || signal.aborted) throw error
  const [body, added] = [reduced ?? post.body(), post.added()]
  const field = refusedField(error, { complaint, body, added })
  if (field === undefined) throw error
  return attempt({ ...sent, dropped: [...dropped, field], reduced: added.without(body, field) })
}

/** The body without the fields that this upstream is known to refuse; undefined if it has none of them. */
function withoutKnown(post: FieldsPost, { runtime }: Cancel): Fields | undefined {
  const { refused } = post
  if (!refused || refused.isEmpty) return undefined
  const [whole, ours] = [post.body(), post.added()]
  const known = ours.fields(whole).filter((field) => refused.has(ours.keyOf(field), runtime.elapsed()))
  return known.length > 0 ? known.reduce((rest, field) => ours.without(rest, field), whole) : undefined
}

export function rememberRefused(
  dropped: readonly string[],
  post: Pick<FieldsPost, 'refused' | 'added'>,
  { runtime }: Cancel,
): void {
  for (const field of dropped) post.refused?.add(post.added().keyOf(field), runtime.elapsed())
}

/** Statuses with which servers refuse a field; some report it as a failure of their own. */
const refusals = new Set([400, 404, 405, 406, 415, 422, 500, 501])
/** Codes that never mean a refused field. */
const others = new Set(['context_length_exceeded', 'content_filter', 'upstream_unreachable', 'upstream_disconnected'])

/** Returns the added field that a refusal is about; undefined if it is about none of them. */
export function refusedField(
  error: ChatError,
  { complaint, body, added }: { readonly complaint?: unknown; readonly body: Fields; readonly added: AddedFields },
): string | undefined {
  const { upstreamStatus, message, param = '', code } = error
  const isRefusal = upstreamStatus === undefined ? error.reason === 'invalid-request' : refusals.has(upstreamStatus)
  if (!isRefusal || others.has(code)) return undefined
  const text = `${param} ${code} ${message} ${typeof complaint === 'string' ? complaint : (JSON.stringify(complaint) ?? '')}`
  const own = added.fields(body)
  const named = own.find((field) => added.isMeant?.(field, text) ?? isNamed(text, field, body[field]))
  if (named !== undefined) return named
  const namesNone = complainsOfAny(text) && !Object.keys(body).some((field) => names(text, field))
  return namesNone ? own[0] : undefined
}

/** A refusal may name a field by a member of its value, such as `include_usage`. */
function isNamed(text: string, field: string, value: unknown): boolean {
  const inner = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []
  return [field, ...inner.filter((name) => name.includes('_'))].some((name) => names(text, name))
}
