import { ChatError } from '../chat/error.ts'
import { send } from './http.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'

/** `fetch`, as libraries take one of their user's. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>

/** A request as `fetchLike` sends it. */
export interface PlainRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly limits?: HttpLimits
}

/**
 * Reads what a library gives to `fetch`. Only what is named here is taken over: none of `proxy`, `unix` or `tls` gets through.
 * @throws ChatError `internal` for a body that is no text, or another method
 */
export function plainRequest(url: string | URL, init: RequestInit = {}): PlainRequest {
  const { method = 'GET', body } = init
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') throw unforeseen(`the method ${method}`)
  if (body !== undefined && body !== null && typeof body !== 'string') throw unforeseen('a body that is no text')
  return {
    method,
    url: String(url),
    headers: Object.fromEntries(new Headers(init.headers)),
    ...(typeof body === 'string' && { body }),
  }
}

/** A reply's body as it is handed on. Cancelling it lets go of the connection. */
export interface Relay {
  /** Looks at each piece before it is passed on. What it throws ends the body. */
  passed?(bytes: Uint8Array): void
  /** Called once, when the body has ended, was broken, or was left by its reader. */
  ended?(): void
}

/**
 * A request through `send`, with all its rules, whose reply a library can read as if it came of `fetch`.
 * @throws what `send` throws
 */
export async function sendForResponse(
  request: PlainRequest,
  signal: AbortSignal,
  relay: Relay = {},
): Promise<Response> {
  const reply = await send(request, signal)
  const { status, headers } = reply
  if (status === 204 || status === 205 || status === 304 || status < 200) {
    reply.discard()
    relay.ended?.()
    return new Response(null, { status: Math.max(status, 200), headers })
  }
  return new Response(pulled(reply, relay), { status, headers })
}

/** The body as a stream that is read only as it is read from. */
function pulled(reply: HttpReply, { passed, ended }: Relay): ReadableStream<Uint8Array> {
  const bytes = reply.body[Symbol.asyncIterator]()
  let isOver = false
  const settle = () => {
    if (!isOver) ended?.()
    isOver = true
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const step = await bytes.next()
          if (!step.done) {
            passed?.(step.value)
            controller.enqueue(step.value)
            return
          }
          controller.close()
        } catch (thrown) {
          reply.discard()
          controller.error(thrown)
        }
        settle()
      },
      cancel: () => {
        settle()
        reply.discard()
      },
    },
    { highWaterMark: 0 },
  )
}

function unforeseen(what: string): ChatError {
  return new ChatError('internal', { message: `A library asked for ${what}, which nobody foresaw.` })
}
