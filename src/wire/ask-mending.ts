import { asChatError, type ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import { ask, type Question } from './ask.ts'
import type { HttpReply } from './http-reply.ts'
import { complainsOfAny, names, type RefusedFields } from './refused-fields.ts'

/** What of a request's body is ours, and what is asked with instead once it is refused. */
export interface Ours {
  /** The fields that the client did not send, in the order in which they are given up. */
  fields(body: Fields): readonly string[]
  /** The body without one of them: it is left out, or is what the client sent. */
  without(body: Fields, field: string): Fields
  /** What is remembered of it; the field itself, unless it is refused by one model alone. */
  keyOf(field: string): string
  /** What is known of the upstream; without it each request finds out for itself. */
  readonly refused?: RefusedFields
}

export interface MendingQuestion extends Omit<Question, 'body'> {
  readonly body: Fields
}

/** A reply, and what it was asked with in the end. */
export interface Mended {
  readonly reply: HttpReply
  readonly body: Fields
}

/** Times one request is asked again at the most. */
const maxMends = 3

/**
 * Asks, and where the refusal names a field that the client did not send, asks again without it, at once: a client must
 * not pay for what we added. What turned out to be the reason is remembered.
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

/** The body without what this upstream is known to refuse. */
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

/** Statuses at which a server says that it does not take a field; some have it as their own failure. */
const refusals = new Set([400, 404, 405, 406, 415, 422, 500, 501])
/** Codes of which it is known that they are about something else. */
const others = new Set(['context_length_exceeded', 'content_filter', 'upstream_unreachable', 'upstream_disconnected'])

/** The field of ours that a refusal is about. */
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

/** A field that holds others is named by them too: `include_usage`. */
function isNamed(text: string, field: string, value: unknown): boolean {
  const inner = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []
  return [field, ...inner.filter((name) => name.includes('_'))].some((name) => names(text, name))
}
