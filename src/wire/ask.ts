import { send } from './http.ts'
import type { HttpReply } from './http-reply.ts'
import { hasAnswer, pageError, refusal, type UpstreamComplaint } from './http-status.ts'
import { writeJson } from './write-json.ts'

export interface Question {
  readonly url: string
  /** Beside `content-type` and `accept`. */
  readonly headers: Readonly<Record<string, string>>
  /** What is sent as JSON. */
  readonly body: unknown
  /** What is connected to, whatever the URL's name means by then. */
  readonly address?: string
  /** Whether a stream is asked for. */
  readonly stream: boolean
  /** What the upstream's dialect makes of an error body. */
  readonly readComplaint: (body: unknown) => UpstreamComplaint
}

/**
 * Posts JSON, and gives back a reply that is a success, and not Cloudflare's in place of the upstream's.
 * @throws ChatError for anything else
 */
export async function ask(
  { url, address, headers, body, stream, readComplaint }: Question,
  signal: AbortSignal,
): Promise<HttpReply> {
  const accept = stream ? 'text/event-stream' : 'application/json'
  const request = {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept, ...headers },
    body: await writeJson(body),
    ...(address !== undefined && { address }),
  } as const
  const reply = await send(request, signal)
  if (!hasAnswer(reply.status)) throw await refusal(reply, readComplaint)
  // what only calls itself a page is judged by its bytes
  if (reply.headers.has('cf-mitigated'))
    throw pageError(reply.status, reply.headers, await reply.text(maxPageBytes).catch(() => ''))
  return reply
}

const maxPageBytes = 64 * 1024
