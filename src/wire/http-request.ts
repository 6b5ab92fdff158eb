import { ChatError } from '../chat/error.ts'
import type { Destination } from './dial.ts'
import type { HttpLimits } from './http-reply.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `http:` or `https:`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Text, or the bytes of a long one in pieces. */
  readonly body?: string | readonly Uint8Array[]
  /** Over a new connection, which is closed after it: on one that was kept the server may hang up just then. */
  readonly needsNewConnection?: boolean
  readonly limits?: HttpLimits
  /** An IP address of the URL's host that is connected to, whatever the name means by then. */
  readonly address?: string
  /** True for a server of our own: no proxy is asked to reach it, nor told its key. */
  readonly isOwn?: boolean
}

/** Where a URL leads. */
export interface Route {
  /** The same for all URLs of one origin. */
  readonly key: string
  readonly destination: Destination
  /** As the header `Host` has it. */
  readonly host: string
  /** Path and query. */
  readonly path: string
  /** The header `Authorization` for a user in the URL. */
  readonly credentials: string | undefined
}

/** Routes of addresses that were asked lately. */
const routes = new Map<string, Route>()
const maxRoutes = 256

/** @throws ChatError for what is neither http nor https */
export function routeOf(text: string): Route {
  const known = routes.get(text)
  if (known) return known
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new ChatError('upstream-outdated', {
      message: "The upstream's address is neither http nor https.",
      code: 'upstream_unreachable',
    })
  const isSecure = url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const route = {
    key: url.origin,
    destination: { isSecure, hostname, port: Number(url.port) || (isSecure ? 443 : 80) },
    host: url.host,
    path: url.pathname + url.search,
    credentials: credentialsOf(url),
  }
  if (routes.size >= maxRoutes) routes.clear()
  routes.set(text, route)
  return route
}

/** RFC 7617, section 2 */
function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`
}

/** A `%` that begins no escape stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Headers that the client itself writes. */
const own = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])

/**
 * The bytes of a request, its head first. No compression is asked for: a stream is small, and every read would wait for it.
 * @throws ChatError `upstream-outdated` for a header that no request may have
 */
export function requestBytes(
  { method, headers, body }: HttpRequest,
  { host, path, credentials }: Route,
): readonly Uint8Array[] {
  const fields = headersOf({ ...defaults, ...(credentials && { authorization: credentials }) }, headers)
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n`
  for (const [name, value] of fields) if (!own.has(name)) head += `${name}: ${value}\r\n`
  const isText = typeof body === 'string'
  const length = isText ? Buffer.byteLength(body) : byteLength(body ?? [])
  if (body !== undefined || method !== 'GET') head += `Content-Length: ${length}\r\n`
  head += '\r\n'
  const bytes = Buffer.allocUnsafe(head.length + (isText ? length : 0))
  bytes.write(head, 0, 'latin1')
  if (isText) bytes.write(body, head.length, 'utf8')
  return isText ? [bytes] : [bytes, ...(body ?? [])]
}

function byteLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
}

const defaults = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': `Bun/${Bun.version}` }

function headersOf(...all: readonly Readonly<Record<string, string>>[]): Headers {
  const fields = new Headers()
  try {
    for (const headers of all) for (const name in headers) fields.set(name, headers[name] ?? '')
  } catch (cause) {
    const message = 'A header for the upstream has a character that no header may have.'
    throw new ChatError('upstream-outdated', { message, code: 'upstream_unreachable', cause })
  }
  return fields
}
