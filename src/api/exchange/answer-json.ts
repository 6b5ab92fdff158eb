import type { Call } from '../../flow/call.ts'
import { type Exchange, jsonResponse } from './exchange.ts'
import { readJsonBody } from './read-body.ts'
import type { RunningChat, Services } from './services.ts'

/** A request other than a chat, as its handler sees it. */
export interface JsonRequest {
  /** The path's text for `{name}`, decoded; undefined if it cannot be decoded. */
  param(name: string): string | undefined
  /** A parameter of the query; undefined if it is missing. */
  query(name: string): string | undefined
  header(name: string): string | undefined
  /** The body, which must be JSON. @throws ChatError */
  json(): Promise<unknown>
}

export interface JsonReply {
  /** A value, or a blob of JSON or of another type. */
  readonly body: unknown
  /** 200 by default. */
  readonly status?: number
  /** The type of the blob, if it is not JSON. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Makes a handler for anything but a chat. Like a chat it runs as a call: it ends when its client leaves or a
 * shutdown's grace period is over, and until then only its own deadlines apply.
 * @param work may throw a ChatError, which becomes the surface's error
 */
export function answerJson(
  work: (request: JsonRequest, call: Call, services: Services) => JsonReply | Promise<JsonReply>,
): (exchange: Exchange, services: Services) => Promise<Response> {
  return async (exchange, services) => {
    const open = services.calls.open(exchange)
    try {
      const request = requestOf(exchange, { maxBytes: services.maxBodyBytes, signal: open.call.signal })
      const { body, status = 200, type, headers = {} } = await work(request, open.call, services)
      const all = Object.assign(exchange.newHeaders(), headers)
      return jsonResponse(exchange, body, { status, headers: all, ...(type !== undefined && { type }) })
    } finally {
      open.close()
    }
  }
}

/** Makes a handler that is a call like `answerJson`, but whose answer closes the call itself. */
export function answerRequest(
  answer: (request: JsonRequest, running: RunningChat) => Promise<Response>,
): (exchange: Exchange, services: Services) => Promise<Response> {
  return async (exchange, services) => {
    const open = services.calls.open(exchange)
    try {
      const request = requestOf(exchange, { maxBytes: services.maxBodyBytes, signal: open.call.signal })
      return await answer(request, { exchange, open, services })
    } catch (thrown) {
      open.close()
      throw thrown
    }
  }
}

function requestOf(exchange: Exchange, limits: Parameters<typeof readJsonBody>[1]): JsonRequest {
  return {
    param: (name) => decoded(exchange.params[name]),
    query: (name) => queryOf(exchange, name),
    header: (name) => exchange.request.headers.get(name) ?? undefined,
    json: async () => (await readJsonBody(exchange.request, limits)).value,
  }
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** A parameter of the query; undefined if it is missing. The request's URL may be a bare path. */
export function queryOf({ request }: Exchange, name: string): string | undefined {
  const at = request.url.indexOf('?')
  return at === -1 ? undefined : (new URLSearchParams(request.url.slice(at + 1)).get(name) ?? undefined)
}
