import type { Cancel } from '../flow/cancel.ts'
import type { Span } from '../flow/span.ts'
import { Watchdog } from '../flow/watchdog.ts'
import { dial } from './dial.ts'
import { type Fetch, FetchExchange } from './fetch-exchange.ts'
import { type BodySource, upstreamTimeout } from './http-body.ts'
import { HttpExchange } from './http-exchange.ts'
import type { HttpReply } from './http-reply.ts'
import { type HttpRequest, type RequestTarget, requestBytes, targetOf } from './http-request.ts'
import { openReply } from './open-reply.ts'
import { ShortExchange } from './short-exchange.ts'

const connectMs = 5_000

/**
 * Sends a request over HTTP/1.1. Follows no redirect, asks for no compression, accepts only http and https, and does not trust
 * the length that a server states (docs/decisions/0023-own-http-client.md).
 * @throws ChatError `upstream-failed` if no server answers, `timeout` by `limits`, or the signal's reason
 */
export function send(request: HttpRequest, signal: Cancel): Promise<HttpReply> {
  const { span, tap } = signal
  tap?.sent(request.body)
  return span ? sendTraced(request, signal, span) : sendPlain(request, signal)
}

function sendPlain(request: HttpRequest, signal: Cancel): Promise<HttpReply> {
  try {
    return askKept(request, signal) ?? sendFully(request, signal)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** Sends a request of a trace. The server is told the span of the request. */
async function sendTraced(request: HttpRequest, signal: Cancel, span: Span): Promise<HttpReply> {
  const exchange = span.beginExchange(request.method, request.url)
  const traced = { ...request, headers: { ...request.headers, ...exchange.headers } }
  try {
    const reply = await sendPlain(traced, signal)
    exchange.end(reply.status)
    return reply
  } catch (thrown) {
    exchange.fail(thrown)
    throw thrown
  }
}

/**
 * Sends a request over an idle connection if nothing else has to be done for it: no deadline for the head, and no second
 * attempt. This is the usual case, and short, because a function is slow in its first hundreds of calls.
 * @returns undefined for any other request
 */
function askKept(request: HttpRequest, signal: Cancel): Promise<HttpReply> | undefined {
  const { idle, fetchByProxy } = signal.runtime.network
  if (request.method !== 'POST' || request.limits || fetchByProxy || request.needsNewConnection || signal.aborted)
    return undefined
  const target = targetOf(request.url)
  const bytes = requestBytes(request, target)
  const keepAs = keyOf(request, target)
  const kept = idle.take(keepAs)
  return kept && new ShortExchange(kept, signal, keepAs).ask(bytes)
}

async function sendFully(request: HttpRequest, signal: Cancel): Promise<HttpReply> {
  const target = targetOf(request.url)
  const { limits } = request
  const { timers, network } = signal.runtime
  signal.throwIfAborted()
  const link = signal.child()
  const watchdog = new Watchdog(timers, () => link.abort(upstreamTimeout()))
  if (limits?.headMs) watchdog.feed(limits.headMs)
  try {
    const source = await (network.fetchByProxy && !request.isOwn
      ? askProxy(network.fetchByProxy, request, link)
      : askDirectly(request, target, link))
    return openReply(source, { link, signal, limits })
  } catch (thrown) {
    link.release()
    throw thrown
  } finally {
    watchdog.stop()
  }
}

async function askProxy(fetchByProxy: Fetch, request: HttpRequest, signal: Cancel): Promise<BodySource> {
  const exchange = new FetchExchange(fetchByProxy, signal)
  await exchange.start(request)
  return exchange
}

/** Sends the request over an idle connection, or a new one. @throws ChatError, or the signal's reason */
async function askDirectly(request: HttpRequest, target: RequestTarget, signal: Cancel): Promise<BodySource> {
  const { method, address } = request
  const bytes = requestBytes(request, target)
  // a request that needs a new connection closes it, because otherwise each one would leave another idle connection
  const keepAs = request.needsNewConnection ? undefined : keyOf(request, target)
  const kept = keepAs === undefined ? undefined : signal.runtime.network.idle.take(keepAs)
  if (kept) {
    const exchange = new HttpExchange(kept, bytes, { method, signal, keepAs })
    try {
      await exchange.start()
      return exchange
    } catch (thrown) {
      // one that restarts closes all of them: an attempt after this one must not get the next of them
      if (keepAs !== undefined && !exchange.hasReply && !signal.aborted) signal.runtime.network.idle.drop(keepAs)
      // The server closed the idle connection, most likely before it saw this request. But it may have seen a POST, and
      // then a second one would be paid for too, so only the retry layer may send a POST again. RFC 9110, section 9.2.2
      if (method !== 'GET' || exchange.hasReply || signal.aborted) throw thrown
    }
  }
  const destination = address === undefined ? target.destination : { ...target.destination, address }
  const socket = await dial(destination, { limitMs: request.limits?.connectMs ?? connectMs }, signal)
  const exchange = new HttpExchange(socket, bytes, { method, signal, keepAs })
  await exchange.start()
  return exchange
}

/** The key of the connections that may carry a request. */
function keyOf({ address }: HttpRequest, { key }: RequestTarget): string {
  return address === undefined ? key : `${key} ${address}`
}
