import type { Caller } from '../../chat/caller.ts'
import { asChatError, type ChatError } from '../../chat/error.ts'
import type { Logger, Receipt } from '../../flow/call.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { writeJson } from '../../wire/write-json.ts'

/** A failure in the form that the clients of a surface read. */
export interface FailureReply {
  readonly status: number
  readonly body: unknown
}

/** What is known of a request when it is answered. */
export interface RequestFacts {
  /** Of the request, in logs and answers. */
  readonly id: string
  /** Who sent it, once the door has seen the key. */
  readonly caller: Caller
  /** Of its call, once it has one: what layers have noted for the client, so far. */
  readonly receipt: Receipt | undefined
}

/** One HTTP request on its way through the API. */
export interface Exchange extends RequestFacts {
  readonly request: Request
  readonly runtime: Runtime
  /** Path without the query, as it was sent. */
  readonly path: string
  /** What stands in the path for each `{name}` of its route, as it was sent. */
  readonly params: Readonly<Record<string, string>>
  /** Puts a failure into the form that this client reads. */
  readonly encodeFailure: (error: ChatError) => FailureReply
  /** Of the client, as far as it is known. */
  readonly address: string
  /** Names the address, and the caller once the door has seen the key. */
  log: Logger
  /** On every answer: the request's id, CORS, that its type is to be believed, and what its surface adds. */
  readonly headers: Readonly<Record<string, string>>
  /** Sets for how many seconds the connection may be silent; 0 for ever. Holds beyond this request until it is set again. */
  limitSilence(seconds: number): void
  caller: Caller
  receipt: Receipt | undefined
  /** True once a layer has taken over writing this request's line. */
  isLogged: boolean
}

/** A client's own id is kept when it is fit for a log and a header. */
export function requestId(headers: Headers, runtime: Runtime): string {
  const sent = headers.get('x-request-id')
  return sent && /^[\w.:/+=@-]{1,128}$/.test(sent) ? sent : runtime.newId()
}

interface JsonInit {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

export function jsonResponse(exchange: Exchange, body: unknown, init: JsonInit = {}): Response {
  return jsonText(exchange, JSON.stringify(body), init)
}

/** The same of what may be long: it is written in steps. */
export async function largeJsonResponse(exchange: Exchange, body: unknown, init: JsonInit = {}): Promise<Response> {
  const written = await writeJson(body)
  return jsonText(exchange, typeof written === 'string' ? written : new Blob([...written]), init)
}

function jsonText(exchange: Exchange, text: string | Blob, init: JsonInit): Response {
  const headers = { 'content-type': 'application/json', ...exchange.headers, ...init.headers }
  return new Response(text, { status: init.status ?? 200, headers })
}

/** A failure as a response, in the form of the surface that was asked. Writes the request's line if nobody has. */
export function errorResponse(
  exchange: Exchange,
  thrown: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const error = asChatError(thrown)
  const { status, body } = exchange.encodeFailure(error)
  logFailure(exchange, error, status)
  // a message may hold what the client sent, and no viewer shall take that for markup
  const text = JSON.stringify(body).replaceAll('<', '\\u003c')
  return jsonText(exchange, text, {
    status,
    headers: { ...failureHeaders(error), ...headers },
  })
}

/** Over this an SDK does not wait by itself. */
const maxSdkWaitMs = 60_000

function failureHeaders(error: ChatError): Record<string, string> {
  const { meaning, reason, retryAfterMs = meaning.retryAfterMs } = error
  const stops = meaning.clientRetry === false || (retryAfterMs !== undefined && retryAfterMs > maxSdkWaitMs)
  return {
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(stops && { 'x-should-retry': 'false' }),
    ...(reason === 'unauthorized' && { 'www-authenticate': 'Bearer' }),
    // A client that is turned away for want of room must not keep a place. Not after `too-large`: its client would still be
    // writing, and lose the answer to the broken pipe.
    ...((reason === 'too-slow' || reason === 'unavailable') && { connection: 'close' }),
  }
}

/** The message of a line that other programs look for, to keep its address out: docs/settings.md shows how. */
const keyRefused = 'key refused'

function logFailure(exchange: Exchange, error: ChatError, status: number): void {
  if (exchange.isLogged) return
  exchange.isLogged = true
  const line = { outcome: error.ownCode, status, err: error }
  if (error.reason === 'internal') exchange.log.error(line, 'request')
  else if (isKeyRefused(error)) exchange.log.warn(line, keyRefused)
  else exchange.log.info(line, 'request')
}

/** Whether it was a wrong key of ours; that of a caller's own endpoint is a field of the request. */
function isKeyRefused({ reason, code, param }: ChatError): boolean {
  return reason === 'too-many-attempts' || (code === 'invalid_api_key' && reason === 'forbidden' && param === undefined)
}
