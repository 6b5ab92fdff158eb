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
  readonly needsNewConnection?: boolean
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

/** What becomes of a body on its way. What it throws ends the body. */
export interface BodyFilter {
  /** What is passed on for this piece: nothing, if it is empty. */
  push(bytes: Uint8Array): Uint8Array
  /** What is still to be passed on when the body has ended. */
  rest(): Uint8Array
}

/** A reply's body as it is handed on. Cancelling it lets go of the connection. */
export interface Relay {
  /** Chosen once the reply's head is there; without one each piece is passed on as it is. */
  filter?(reply: Pick<HttpReply, 'status' | 'headers'>): BodyFilter
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
  return new ChatError('internal', { message: `A library asked for ${what}, which nobody foresaw.` })
}
