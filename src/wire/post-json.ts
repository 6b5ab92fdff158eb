import type { ChatError } from '../chat/error.ts'
import type { NoteQuota } from '../chat/quota.ts'
import type { Cancel } from '../flow/cancel.ts'
import { send } from './http.ts'
import type { HttpReply } from './http-reply.ts'
import { hasAnswer, pageError, refusal, type UpstreamComplaint } from './http-status.ts'
import { noteQuota } from './quota-headers.ts'
import { writeJson } from './write-json.ts'

/** A value that is sent as JSON, or JSON that is ready to be sent. */
export type JsonToSend = { readonly value: unknown } | { readonly json: string | readonly Uint8Array[] }

/** Where JSON is posted to, and how. */
export interface JsonTarget {
  readonly url: string
  /** Headers other than `content-type` and `accept`. */
  readonly headers: Readonly<Record<string, string>>
  /** The IP address to connect to, so that the URL's name is not looked up again. */
  readonly address?: string | undefined
  /** Whether the reply should be a stream. */
  readonly stream: boolean
  /** Reads an error body as the upstream's dialect defines it. */
  readonly readComplaint: (body: unknown) => UpstreamComplaint
  /** Gets what the reply says of the account's limits. */
  readonly noteQuota?: NoteQuota | undefined
}

export interface JsonPost extends JsonTarget {
  readonly body: JsonToSend
}

/**
 * Posts JSON, and returns a reply that is a success and that does not come from Cloudflare in place of the upstream.
 * @throws ChatError for anything else
 */
export async function postJson(post: JsonPost, signal: Cancel): Promise<HttpReply> {
  const reply = await sendJson(post, post.body, signal)
  noteQuota(post.noteQuota, reply)
  if (isAnswer(reply)) return reply
  throw await notAnswered(reply, post.readComplaint)
}

/** Posts JSON, and returns any reply. */
export function sendJson(target: JsonTarget, body: JsonToSend, signal: Cancel): Promise<HttpReply> {
  const written = 'json' in body ? body.json : writeJson(body.value)
  if (written instanceof Promise) return written.then((json) => sendJson(target, { json }, signal))
  const { url, address, stream } = target
  const accept = stream ? 'text/event-stream' : 'application/json'
  const headers = { 'content-type': 'application/json', accept, ...target.headers }
  return send({ method: 'POST', url, headers, body: written, address }, signal)
}

/** A reply that only has the content type of a page counts as an answer, because its bytes may be one. */
export function isAnswer(reply: HttpReply): boolean {
  return hasAnswer(reply.status) && (reply.whole !== undefined || !reply.headers.has('cf-mitigated'))
}

/** The error for a reply that is not an answer. @param readComplaint as in `JsonTarget` */
export async function notAnswered(reply: HttpReply, readComplaint: JsonTarget['readComplaint']): Promise<ChatError> {
  if (!hasAnswer(reply.status)) return refusal(reply, readComplaint)
  return pageError(reply, await reply.text(maxPageBytes).catch(() => ''))
}

const maxPageBytes = 64 * 1024
