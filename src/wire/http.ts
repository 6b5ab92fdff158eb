import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { Watchdog } from '../flow/watchdog.ts'
import { plainBody } from './decompress.ts'
import { dial } from './dial.ts'
import { type Fetch, FetchExchange } from './fetch-exchange.ts'
import { type BodySource, CountedReply } from './http-body.ts'
import { HttpConnection, type OnFree } from './http-connection.ts'
import type { HttpReply } from './http-reply.ts'
import { type HttpRequest, type RequestTarget, requestBytes, targetOf } from './http-request.ts'

const connectMs = 5_000

/**
 * Sends a request over HTTP/1.1. Follows no redirect, asks for no compression, accepts only http and https, and does not trust
 * the length that a server states (docs/decisions/0023-own-http-client.md).
 * @throws ChatError `upstream-failed` if no server answers, `timeout` by `limits`, or the signal's reason
 */
export async function send(request: HttpRequest, signal: Cancel): Promise<HttpReply> {
  const target = targetOf(request.url)
  const { limits = {} } = request
  const { fetchByProxy } = signal.runtime.network
  signal.throwIfAborted()
  const link = signal.child()
  const watchdog = new Watchdog(signal.runtime.timers, () => link.abort(upstreamTimeout()))
  if (limits.headMs) watchdog.feed(limits.headMs)
  try {
    const source = await (fetchByProxy && !request.isOwn
      ? askProxy(fetchByProxy, request, link)
      : askDirectly(request, target, link))
    return new CountedReply(plainBody(source), {
      limits,
      receivedAt: signal.runtime.now(),
      watchdog,
      release: () => link.release(),
    })
  } catch (thrown) {
    watchdog.stop()
    link.release()
    throw thrown
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
  const { idle } = signal.runtime.network
  const bytes = requestBytes(request, target)
  const key = address === undefined ? target.key : `${target.key} ${address}`
  const kept = request.needsNewConnection ? undefined : idle.take(key)
  // a request that needs a new connection closes it, because otherwise each one would leave another idle connection
  const onFree: OnFree = (free, keepAliveMs) =>
    request.needsNewConnection ? free.destroy() : idle.put(key, free, keepAliveMs)
  if (kept) {
    const exchange = new HttpConnection(kept, onFree).begin(bytes, method, signal)
    try {
      await exchange.started
      return exchange
    } catch (thrown) {
      // The server closed the idle connection, most likely before it saw this request. But it may have seen a POST, and
      // then a second one would be paid for too, so only the retry layer may send a POST again. RFC 9110, section 9.2.2
      if (method !== 'GET' || exchange.hasReply || signal.aborted) throw thrown
    }
  }
  const destination = address === undefined ? target.destination : { ...target.destination, address }
  const socket = await dial(destination, { limitMs: request.limits?.connectMs ?? connectMs }, signal)
  const exchange = new HttpConnection(socket, onFree).begin(bytes, method, signal)
  await exchange.started
  return exchange
}

function upstreamTimeout(): ChatError {
  return new ChatError('timeout', { message: 'The upstream did not answer in time.', code: 'upstream_timeout' })
}
