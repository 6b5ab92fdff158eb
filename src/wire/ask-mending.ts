import { asChatError, type ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import { ask, type Question } from './ask.ts'
import type { HttpReply } from './http-reply.ts'
import { complainsOfAny, names, type RefusedFields } from './refused-fields.ts'

/** The fields of a request's body that the gateway added, and how the body looks without them. */
export interface Ours {
  /** The fields that the client did not send. The first is dropped first. */
  fields(body: Fields): readonly string[]
  /** The body without one of them: the field is removed, or has the client's value again. */
  without(body: Fields, field: string): Fields
  /** The key under which its refusal is remembered: the field's name, unless a single model refuses it. */
  keyOf(field: string): string
  /** Earlier refusals of this upstream. Without them each request finds out for itself. */
  readonly refused?: RefusedFields
}

export interface MendingQuestion extends Omit<Question, 'body'> {
  readonly body: Fields
}

/** A reply, and the body of the request that got it. */
export interface Mended {
  readonly reply: HttpReply
  readonly body: Fields
}

/** How many times one request is sent again. */
const maxMends = 3

/**
 * Posts the body. If the upstream refuses a field that the client did not send, posts again at once without that field: a
 * client must not pay for what we added. The refused fields are remembered.
 * @throws ChatError the first refusal that is the client's own
 */
export async function askMending(question: MendingQuestion, ours: Ours, signal: AbortSignal): Promise<Mended> {
  let body = withoutKnown(question.body, ours)
  const dropped: string[] = []
  for (;;) {
    let said: unknown
    const readComplaint = (complaint: unknown) => {
      said = complaint
      return question.readComplaint(complaint)
    }
    try {
      const reply = await ask({ ...question, body, readComplaint }, signal)
      remember(dropped, ours)
      return { reply, body }
    } catch (thrown) {
      const error = asChatError(thrown)
      const field = dropped.length < maxMends ? fieldToMend(error, { said, body, ours }) : undefined
      if (field === undefined || signal.aborted) throw thrown
      dropped.push(field)
      body = ours.without(body, field)
    }
  }
}

/** The body without the fields that this upstream is known to refuse. */
function withoutKnown(body: Fields, ours: Ours): Fields {
  const { refused } = ours
  if (!refused || refused.isEmpty) return body
  return ours
    .fields(body)
    .filter((field) => refused.has(ours.keyOf(field)))
    .reduce((rest, field) => ours.without(rest, field), body)
}

export function remember(dropped: readonly string[], { refused, keyOf }: Ours): void {
  for (const field of dropped) refused?.add(keyOf(field))
}

/** Statuses with which servers refuse a field; some report it as a failure of their own. */
const refusals = new Set([400, 404, 405, 406, 415, 422, 500, 501])
/** Codes that never mean a refused field. */
const others = new Set(['context_length_exceeded', 'content_filter', 'upstream_unreachable', 'upstream_disconnected'])

/** The added field that a refusal is about; undefined where it is about none of them. */
export function fieldToMend(
  error: ChatError,
  { said, body, ours }: { readonly said?: unknown; readonly body: Fields; readonly ours: Ours },
): string | undefined {
  const { upstreamStatus, message, param = '', code } = error
  const isRefusal = upstreamStatus === undefined ? error.reason === 'invalid-request' : refusals.has(upstreamStatus)
  if (!isRefusal || others.has(code)) return undefined
  const text = `${param} ${code} ${message} ${typeof said === 'string' ? said : (JSON.stringify(said) ?? '')}`
  const own = ours.fields(body)
  const named = own.find((field) => isNamed(text, field, body[field]))
  if (named !== undefined) return named
  const isSilent = complainsOfAny(text) && !Object.keys(body).some((field) => names(text, field))
  return isSilent ? own[0] : undefined
}

/** A refusal may name a field by a member of its value, such as `include_usage`. */
function isNamed(text: string, field: string, value: unknown): boolean {
  const inner = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []
  return [field, ...inner.filter((name) => name.includes('_'))].some((name) => names(text, name))
}
