import type { Cancel } from '../flow/cancel.ts'
import { send } from './http.ts'
import type { HttpReply } from './http-reply.ts'
import { hasAnswer, pageError, refusal, type UpstreamComplaint } from './http-status.ts'
import { writeJson } from './write-json.ts'

/** A value that is sent as JSON, or JSON that is ready to be sent. */
export type JsonToSend = { readonly value: unknown } | { readonly json: readonly Uint8Array[] }

export interface JsonPost {
  readonly url: string
  /** Headers other than `content-type` and `accept`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonToSend
  /** The IP address to connect to, so that the URL's name is not looked up again. */
  readonly address?: string
  /** Whether the reply should be a stream. */
  readonly stream: boolean
  /** Reads an error body as the upstream's dialect defines it. */
  readonly readComplaint: (body: unknown) => UpstreamComplaint
}

/**
 * Posts JSON, and returns a reply that is a success and that does not come from Cloudflare in place of the upstream.
 * @throws ChatError for anything else
 */
export function postJson(post: JsonPost, signal: Cancel): Promise<HttpReply> {
  const body = 'json' in post.body ? post.body.json : writeJson(post.body.value)
  return body instanceof Promise ? body.then((pieces) => sendJson(post, pieces, signal)) : sendJson(post, body, signal)
}

function sendJson(post: JsonPost, body: string | readonly Uint8Array[], signal: Cancel): Promise<HttpReply> {
  const { url, address, stream } = post
  const accept = stream ? 'text/event-stream' : 'application/json'
  const headers = { 'content-type': 'application/json', accept, ...post.headers }
  const request = { method: 'POST', url, headers, body, ...(address !== undefined && { address }) } as const
  return send(request, signal).then((reply) => {
    const isAnswer = hasAnswer(reply.status) && !reply.headers.has('cf-mitigated')
    return isAnswer ? reply : refuse(reply, post)
  })
}

async function refuse(reply: HttpReply, { readComplaint }: JsonPost): Promise<never> {
  if (!hasAnswer(reply.status)) throw await refusal(reply, readComplaint)
  // a reply that only has the content type of a page is not refused yet, because its bytes may be an answer
  throw pageError(reply, await reply.text(maxPageBytes).catch(() => ''))
}

const maxPageBytes = 64 * 1024
