import { isIP } from 'node:net'
import { linkAbort } from '../chat/abort.ts'
import { ChatError } from '../chat/error.ts'
import { Watchdog } from '../chat/watchdog.ts'
import { canConnect } from './can-connect.ts'
import { FetchReply, transportError } from './fetch-reply.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `http:` or `https:`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly limits?: HttpLimits
  /** An IP address of the URL's host that is connected to, whatever the name means by then. */
  readonly address?: string
}

const connectMs = 5_000

/**
 * The one place of the program that calls `fetch`. Follows no redirect, asks for no compression, opens http and https only.
 * @throws ChatError `upstream-failed` when nothing answers, `timeout` by `limits`, or the signal's reason
 */
export async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
  const url = checkedUrl(request.url)
  const link = linkAbort(signal)
  const watchdog = new Watchdog(() => link.abort(timeout('upstream_timeout', 'The upstream did not answer in time.')))
  if (request.limits?.headMs) watchdog.feed(request.limits.headMs)
  const target = request.address === undefined ? { url } : pinned(url, request.address)
  const stopProbe = watchConnect(target.url, request.limits?.connectMs ?? connectMs, link.abort)
  try {
    const response = await fetch(target.url, {
      method: request.method,
      headers: { 'accept-encoding': 'identity', ...request.headers, ...target.headers },
      ...(target.tls && { tls: target.tls }),
      ...(request.body !== undefined && { body: request.body }),
      signal: link.signal,
      redirect: 'manual',
      timeout: false,
    })
    return new FetchReply(response, { link, watchdog, limits: request.limits ?? {} })
  } catch (thrown) {
    watchdog.stop()
    link.release()
    throw link.signal.aborted ? link.signal.reason : transportError(thrown, 'before its reply')
  } finally {
    stopProbe()
  }
}

interface Target {
  readonly url: string
  readonly headers?: { readonly host: string }
  readonly tls?: { readonly serverName: string }
}

/** Bun's fetch takes no lookup of ours: the address stands in the URL, the name in `Host` and in the certificate asked for. */
function pinned(text: string, address: string): Target {
  const url = new URL(text)
  const { host, hostname, protocol } = url
  if (isIP(hostname.replace(/^\[|\]$/g, ''))) return { url: text }
  url.hostname = address.includes(':') ? `[${address}]` : address
  return { url: url.href, headers: { host }, ...(protocol === 'https:' && { tls: { serverName: hostname } }) }
}

/** Addresses that were found good, so that each is looked at once. */
const checked = new Set<string>()
const maxChecked = 256

function checkedUrl(text: string): string {
  if (checked.has(text)) return text
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    if (checked.size >= maxChecked) checked.clear()
    checked.add(text)
    return text
  }
  // Bun's fetch would open `file:`, `data:` and `s3:` too (docs/decisions/0002-one-fetch.md)
  throw new ChatError('upstream-outdated', {
    message: "The upstream's address is neither http nor https.",
    code: 'upstream_unreachable',
  })
}

/**
 * Bun's fetch has no connect timeout and does not say whether it is connected. A reply that is long in coming is
 * therefore asked about: a second connection to the same port tells a busy server from one that is not there.
 */
function watchConnect(url: string, limitMs: number, abort: (reason: unknown) => void): () => void {
  const quietMs = limitMs / 5
  let probe: AbortController | undefined
  const timer = setTimeout(async () => {
    probe = new AbortController()
    const { signal } = probe
    const isThere = await canConnect(url, limitMs - quietMs, signal)
    // a reply that came meanwhile knows better
    if (!isThere && !signal.aborted)
      abort(timeout('upstream_connect_timeout', 'The upstream could not be connected to in time.'))
  }, quietMs)
  return () => {
    clearTimeout(timer)
    probe?.abort()
  }
}

function timeout(code: string, message: string): ChatError {
  return new ChatError('timeout', { message, code })
}
