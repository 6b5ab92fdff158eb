import { ChatError } from '../chat/error.ts'
import { percentDecoded } from '../chat/percent-decoded.ts'
import type { Destination } from './dial.ts'
import { headerName, headerValue } from './http-head.ts'
import type { HttpLimits } from './http-reply.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `http:` or `https:`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The body as text, or the bytes of a long body in pieces. */
  readonly body?: string | readonly Uint8Array[]
  /** True for a new connection, which is closed afterwards. A server may close an idle one just when it is used. */
  readonly needsNewConnection?: boolean
  readonly limits?: HttpLimits
  /** The IP address to connect to, so that the URL's name is not looked up again. */
  readonly address?: string | undefined
  /** True for a server of our own. Such a request uses no proxy, so no proxy sees its key. */
  readonly isOwn?: boolean
}

/** Where a request to a URL goes. */
export interface RequestTarget {
  /** The same for all URLs of one origin. */
  readonly key: string
  readonly destination: Destination
  /** The value of the header `Host`. */
  readonly host: string
  /** Path and query. */
  readonly path: string
  /** The header `Authorization` for a user in the URL. */
  readonly credentials: string | undefined
}

/** Targets of URLs that were used lately. */
const targets = new Map<string, RequestTarget>()
const maxTargets = 256

/** @throws ChatError for a URL that is neither http nor https */
export function targetOf(text: string): RequestTarget {
  const known = targets.get(text)
  if (known) return known
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new ChatError('upstream-outdated', {
      message: "The upstream's address is neither http nor https.",
      code: 'upstream_unreachable',
    })
  const isSecure = url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const target = {
    key: url.origin,
    destination: { isSecure, hostname, port: Number(url.port) || (isSecure ? 443 : 80) },
    host: url.host,
    path: url.pathname + url.search,
    credentials: credentialsOf(url),
  }
  if (targets.size >= maxTargets) targets.clear()
  targets.set(text, target)
  return target
}

/** RFC 7617, section 2 */
function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  // a `%` without two hexadecimal digits after it stands for itself
  const [user, word] = [percentDecoded(username) ?? username, percentDecoded(password) ?? password]
  return `Basic ${Buffer.from(`${user}:${word}`).toString('base64')}`
}

/** Headers that this HTTP client writes itself. */
const own = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])

/**
 * The bytes of a request, its head first. The request does not ask for compression, because a stream is small and
 * compression delays every read.
 * @throws ChatError `upstream-outdated` for an invalid header
 */
export function requestBytes(
  { method, headers, body }: HttpRequest,
  { host, path, credentials }: RequestTarget,
): readonly Uint8Array[] {
  const fields: Record<string, string> = { ...defaults }
  if (credentials !== undefined) fields.authorization = credentials
  for (const name in headers) {
    const value = (headers[name] ?? '').trim()
    if (!headerName.test(name) || !headerValue.test(value)) throw invalidHeader()
    fields[name.toLowerCase()] = value
  }
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n`
  for (const name in fields) if (!own.has(name)) head += `${name}: ${fields[name]}\r\n`
  let length = 0
  if (typeof body === 'string') length = Buffer.byteLength(body)
  else if (body) for (const piece of body) length += piece.byteLength
  if (body !== undefined || method !== 'GET') head += `Content-Length: ${length}\r\n`
  head += '\r\n'
  return typeof body === 'string' || length <= maxJoinedBytes ? [joined(head, body, length)] : withHead(head, body)
}

/** A body of at most this many bytes is sent with its head in one write. */
const maxJoinedBytes = 64 * 1024

function joined(head: string, body: HttpRequest['body'], length: number): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + length)
  let at = bytes.write(head, 0, 'latin1')
  if (typeof body === 'string') bytes.write(body, at, 'utf8')
  else
    for (const piece of body ?? []) {
      bytes.set(piece, at)
      at += piece.byteLength
    }
  return bytes
}

function withHead(head: string, body: readonly Uint8Array[] = []): readonly Uint8Array[] {
  return [Buffer.from(head, 'latin1'), ...body]
}

const defaults = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': `Bun/${Bun.version}` }

function invalidHeader(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'A header for the upstream has a character that no header may have.',
    code: 'upstream_unreachable',
  })
}
