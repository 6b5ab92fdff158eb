import { unknownReply } from '../chat/reply-errors.ts'
import type { Cancel } from '../flow/cancel.ts'
import { send } from './http.ts'
import { hasAnswer, refusal, type UpstreamComplaint } from './http-status.ts'
import { notJson, readUpstreamJson } from './json.ts'
import { noteClock } from './note-clock.ts'

export interface JsonGet<T> {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The shape that the reply must have. */
  readonly schema: ReplySchema<T>
  /** Reads an error body as the upstream's dialect defines it. */
  readonly readComplaint: (body: unknown) => UpstreamComplaint
}

/** The one method of a schema that is needed here; the caller chooses the library. */
interface ReplySchema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false }
}

/** Milliseconds. Such a reply is small and ready; a server that takes longer will not answer. */
const limits = { connectMs: 5_000, headMs: 10_000, idleMs: 10_000 }

/** Gets a small value, such as a list of models. @throws ChatError */
export async function getJson<T>({ url, headers, schema, readComplaint }: JsonGet<T>, signal: Cancel): Promise<T> {
  const reply = await send({ method: 'GET', url, headers: { accept: 'application/json', ...headers }, limits }, signal)
  noteClock(url, reply, signal.runtime)
  if (!hasAnswer(reply.status)) throw await refusal(reply, readComplaint)
  const value = await readUpstreamJson(await reply.bytes())
  if (value === undefined) throw notJson()
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw unknownReply()
}
