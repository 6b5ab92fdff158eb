import { ChatError } from '../chat/error.ts'
import { unknownReply } from '../chat/reply-errors.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Destination } from './dial.ts'
import { pageError, type RefusalHead, statusError } from './http-status.ts'
import { acceptKey } from './websocket-frames.ts'

/** The address of a WebSocket. */
export interface SocketAddress extends Destination {
  /** The value of the header `host`. */
  readonly host: string
  /** Path and query. */
  readonly path: string
}

/** @param text `ws:`, `wss:`, `http:` or `https:` */
export function socketAddress(text: string): SocketAddress {
  const url = URL.parse(text)
  const isSecure = url?.protocol === 'wss:' || url?.protocol === 'https:'
  if (!url || !(isSecure || url.protocol === 'ws:' || url.protocol === 'http:'))
    throw new ChatError('upstream-outdated', {
      message: "The upstream's address is not that of a WebSocket.",
      code: 'upstream_unreachable',
    })
  return {
    isSecure,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isSecure ? 443 : 80),
    host: url.host,
    path: url.pathname + url.search,
  }
}

const maxHeadBytes = 64 * 1024

/** The HTTP part of a WebSocket. RFC 6455, section 4.1 */
export class Handshake {
  /** The request to send. */
  readonly text: string
  readonly #runtime: Runtime
  readonly #key: string
  #head: Buffer = Buffer.alloc(0)

  constructor({ host, path }: SocketAddress, headers: Readonly<Record<string, string>>, runtime: Runtime) {
    this.#runtime = runtime
    this.#key = Buffer.from(runtime.randomBytes(16)).toString('base64')
    const fields = new Headers(headers)
    fields.set('host', host)
    fields.set('upgrade', 'websocket')
    fields.set('connection', 'Upgrade')
    fields.set('sec-websocket-version', '13')
    fields.set('sec-websocket-key', this.#key)
    this.text = `GET ${path} HTTP/1.1\r\n${[...fields].map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  }

  /** @returns undefined until the reply's head is complete; then the bytes after it, or the error if the server refused */
  read(bytes: Buffer): Buffer | ChatError | undefined {
    this.#head = Buffer.concat([this.#head, bytes])
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return this.#head.length > maxHeadBytes ? unknownReply() : undefined
    const [statusLine = '', ...lines] = this.#head.toString('latin1', 0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})\b/.exec(statusLine)?.[1] ?? 0)
    const headers = readHeaders(lines)
    if (status === 0 || !headers) return unknownReply()
    if (status !== 101) return handshakeError({ status, headers, receivedAt: this.#runtime.now() })
    if (headers.get('sec-websocket-accept') !== acceptKey(this.#key)) return unknownReply()
    return this.#head.subarray(end + 4)
  }
}

function readHeaders(lines: readonly string[]): Headers | undefined {
  const headers = new Headers()
  try {
    for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
    return headers
  } catch {
    // a name or value is invalid
    return undefined
  }
}

/** Statuses that blame the request. A handshake has nothing from the client, so they are never the client's mistake. */
const aboutRequest = new Set([400, 404, 410, 413, 422, 426])

interface HandshakeHead extends RefusalHead {
  readonly headers: Headers
}

function handshakeError(head: HandshakeHead): ChatError {
  const { status, headers } = head
  // Cloudflare answered in place of the upstream
  if (headers.has('cf-mitigated')) return pageError(head, '')
  if (status >= 400 && !aboutRequest.has(status)) return statusError(head, {})
  return new ChatError('upstream-outdated', {
    message: `The upstream opens no WebSocket at this address (HTTP ${status}).`,
    upstreamStatus: status,
  })
}
