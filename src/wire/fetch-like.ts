import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { send } from './http.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'

/** The type of `fetch` that libraries accept from their users. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>

/** A request that `sendForResponse` sends. */
export interface PlainRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly limits?: HttpLimits
  readonly needsNewConnection?: boolean
}

/**
 * Reads the arguments that a library gives to `fetch`. It uses method, headers and body, and ignores other fields.
 * @throws ChatError `internal` for a body that is not text, or for another method
 */
export function plainRequest(url: string | URL, init: RequestInit = {}): PlainRequest {
  const { method = 'GET', body } = init
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') throw unforeseen(`the method ${method}`)
  if (body !== undefined && body !== null && typeof body !== 'string') throw unforeseen('a body that is not text')
  return {
    method,
    url: String(url),
    headers: Object.fromEntries(new Headers(init.headers)),
    ...(typeof body === 'string' && { body }),
  }
}

/** Changes a body as it is read. An error that it throws ends the body. */
export interface BodyFilter {
  /** Returns the bytes that replace this piece; there may be none. */
  push(bytes: Uint8Array): Uint8Array
  /** Returns the bytes to add after the last piece; there may be none. */
  rest(): Uint8Array
}

/** How a reply's body is relayed. Cancelling the body frees the connection. */
export interface Relay {
  /** Called with the reply's head. Without a filter each piece is relayed unchanged. */
  filter?(reply: Pick<HttpReply, 'status' | 'headers'>): BodyFilter
  /** Called once, when the body has ended, has failed, or was cancelled by its reader. */
  ended?(): void
}

/**
 * Sends a request with `send`, under all its rules, and returns the reply as the `Response` that a library expects of `fetch`.
 * @throws what `send` throws
 */
export async function sendForResponse(request: PlainRequest, signal: Cancel, relay: Relay = {}): Promise<Response> {
  const reply = await send(request, signal)
  const { status } = reply
  const headers = new Headers([...reply.headers])
  if (status === 204 || status === 205 || status === 304 || status < 200) {
    reply.discard()
    relay.ended?.()
    return new Response(null, { status: Math.max(status, 200), headers })
  }
  return new Response(pulled(reply, relay), { status, headers })
}

/** Returns the body as a stream. It reads from the network only when its reader asks for more. */
function pulled(reply: HttpReply, { filter, ended }: Relay): ReadableStream<Uint8Array> {
  const bytes = filtered(reply, filter?.(reply))
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
          if (!step.done) return controller.enqueue(step.value)
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

async function* filtered({ body }: HttpReply, filter: BodyFilter | undefined): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) {
    const passed = filter ? filter.push(bytes) : bytes
    if (passed.length > 0) yield passed
  }
  const rest = filter?.rest()
  if (rest?.length) yield rest
}

function unforeseen(what: string): ChatError {
  return new ChatError('internal', { message: `A library asked for ${what}, which the gateway does not support.` })
}
