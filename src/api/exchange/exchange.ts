import type { Caller } from '../../chat/caller.ts'
import { asChatError, type ChatError } from '../../chat/error.ts'
import type { Logger, Receipt } from '../../flow/call.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { CallSpan } from '../../flow/span.ts'
import type { LimitsLeft } from '../../keys/key-meter.ts'
import { writeJson } from '../../wire/write-json.ts'

/** A failure in the form of a surface's dialect. */
export interface FailureReply {
  readonly status: number
  readonly body: unknown
}

/** What is known about a request when it is answered. */
export interface RequestFacts {
  /** The id of the request, in logs and answers. */
  readonly id: string
  /** The sender, known after the door has checked the key. */
  readonly caller: Caller
  /** What is left of the sender's limits of a minute; undefined if it has none. */
  readonly limitsLeft: LimitsLeft | undefined
  /** The receipt of its call, if there is one yet, with what the layers have noted so far. */
  readonly receipt: Receipt | undefined
}

/** One HTTP request on its way through the API. */
export interface Exchange extends RequestFacts {
  readonly request: Request
  /** The name of the surface that has its route, or the nearest one. */
  readonly surface: string
  readonly runtime: Runtime
  /** Path without the query, as it was sent. */
  readonly path: string
  /** The path of its route, with its `{name}`s; empty if it has none. */
  readonly route: string
  /** The path's text for each `{name}` of its route, as it was sent. */
  readonly params: Readonly<Record<string, string>>
  /** Encodes a failure in this client's dialect. */
  encodeFailure(error: ChatError): FailureReply
  /** The client's address, as far as it is known. */
  readonly address: string
  /** A log whose lines have the address, and the caller's name after the key is checked. */
  readonly log: Logger
  /**
   * Makes the headers of a response: the request's id, CORS, `nosniff`, and those of its surface. More can be added to
   * them.
   */
  newHeaders(): Record<string, string>
  /**
   * Sets for how many seconds the connection may be silent; 0 means for ever. It applies beyond this request until it
   * is set again.
   */
  limitSilence(seconds: number): void
  receipt: Receipt | undefined
  /** The span of its call, if there is a trace. */
  readonly span: CallSpan | undefined
  /** Notes the span. From now on the lines of the log have the id of the trace. */
  trace(span: CallSpan | undefined): void
  /** True if the request's log line was written, or a layer will write it. */
  isLogged: boolean
}

/** The client's own id if it is valid in a log and a header, otherwise a new one. */
export function requestId(headers: Headers, runtime: Runtime): string {
  const sent = headers.get('x-request-id')
  return sent !== null && /^[\w.:/+=@-]{1,128}$/.test(sent) ? sent : runtime.newId()
}

interface JsonInit {
  readonly status?: number
  /** All headers but the type. They belong to the response from now on. The default is `newHeaders`. */
  readonly headers?: Record<string, string>
  /** The type of the body, if it is not JSON. */
  readonly type?: string
}

/** @param body a value, or a blob of JSON */
export function jsonResponse(exchange: Exchange, body: unknown, init: JsonInit = {}): Response {
  return jsonText(exchange, body instanceof Blob ? body : JSON.stringify(body), init)
}

/** The body of an answer, as JSON or as a value that may be long. */
export type AnswerBody = { readonly json: string | readonly Uint8Array[] } | { readonly value: unknown }

/** Like `jsonResponse`, but for a body that may be long. A value is written in steps. */
export function largeJsonResponse(exchange: Exchange, body: AnswerBody, init: JsonInit): Response | Promise<Response> {
  const written = 'json' in body ? body.json : writeJson(body.value)
  return typeof written === 'string' ? jsonText(exchange, written, init) : respondInPieces(exchange, written, init)
}

async function respondInPieces(
  exchange: Exchange,
  written: readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  init: JsonInit,
): Promise<Response> {
  const pieces = await written
  // the copies of the pieces take as long as a step of reading or writing
  await nextTurn()
  return jsonText(exchange, new Blob([...pieces]), init)
}

function jsonText(exchange: Exchange, text: string | Blob, init: JsonInit): Response {
  const { status = 200, headers = exchange.newHeaders(), type = 'application/json' } = init
  headers['content-type'] = type
  exchange.span?.noteStatus(status)
  return new Response(text, { status, headers })
}

/**
 * A failure as a response, in the form of the request's surface. It also writes the request's log line if it is not
 * written yet.
 */
export function errorResponse(
  exchange: Exchange,
  thrown: unknown,
  headers: Record<string, string> = exchange.newHeaders(),
): Response {
  const error = asChatError(thrown)
  const { status, body } = exchange.encodeFailure(error)
  exchange.span?.noteFailure(error)
  logFailure(exchange, error, status)
  // a message may contain the client's text, which a browser must not read as HTML
  const text = JSON.stringify(body).replaceAll('<', '\\u003c')
  return jsonText(exchange, text, {
    status,
    headers: Object.assign(headers, failureHeaders(error)),
  })
}

/** Milliseconds. If a client must wait longer than that, a header tells the official SDKs not to retry. */
const maxSdkWaitMs = 60_000

function failureHeaders(error: ChatError): Record<string, string> {
  const { meaning, reason, retryAfterMs = meaning.retryAfterMs } = error
  const stops = meaning.clientRetry === false || (retryAfterMs !== undefined && retryAfterMs > maxSdkWaitMs)
  return {
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(stops && { 'x-should-retry': 'false' }),
    ...(reason === 'unauthorized' && { 'www-authenticate': 'Bearer' }),
    // A refused client must not occupy a connection. After `too-large` the connection stays open, because the client
    // is still writing, and would not see the answer on a closed connection.
    ...((reason === 'too-slow' || reason === 'unavailable') && { connection: 'close' }),
  }
}

/** Message of a log line that programs such as fail2ban look for, to block its address (docs/settings.md). */
const keyRefused = 'key refused'

function logFailure(exchange: Exchange, error: ChatError, status: number): void {
  if (exchange.isLogged) return
  exchange.isLogged = true
  const line = { outcome: error.ownCode, status, err: error }
  if (error.reason === 'internal') exchange.log.error(line, 'request')
  else if (isKeyRefused(error)) exchange.log.warn(line, keyRefused)
  else exchange.log.info(line, 'request')
}

/** Whether a key of the gateway was wrong. A key for the caller's own endpoint is a field of the request instead. */
function isKeyRefused({ reason, code, param }: ChatError): boolean {
  return reason === 'too-many-attempts' || (code === 'invalid_api_key' && reason === 'forbidden' && param === undefined)
}
