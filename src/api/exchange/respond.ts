import type { ChatError } from '../../chat/error.ts'
import { type AnyEvent, begin } from '../../flow/begin.ts'
import type { Receipt } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { defer } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import { type Answer, fold } from '../../flow/fold.ts'
import { within } from '../../flow/wait.ts'
import type { OpenCall } from './calls.ts'
import { type Exchange, errorResponse, largeJsonResponse } from './exchange.ts'
import { type StreamSurface, streamBody } from './stream-body.ts'

/** Milliseconds the response's head waits for the first event, so that an early failure is an HTTP status. */
const headMs = 8_000
/** Milliseconds a client may take nothing. */
const stuckMs = 60_000

/** The answer as a stream, or as a failure's status if it fails before it has begun. */
export async function respondStream<Event extends AnyEvent>(
  exchange: Exchange,
  open: OpenCall,
  { answer, ...options }: { answer: Flow<Event>; surface: StreamSurface<Event>; keepAliveMs: number },
): Promise<Response> {
  const begun = begin(answer)
  // an abort ends the answer itself, which may have a last word: the chat server's clients are told that it was aborted
  const patient = new CancelSource(exchange.runtime)
  let first: Flow<Event> | undefined
  try {
    first = await within(begun, headMs, patient)
  } catch (thrown) {
    open.close()
    return errorResponse(exchange, thrown, receiptHeaders(open.call.receipt))
  }
  const body = streamBody(first ?? defer(() => begun, patient), {
    surface: options.surface,
    opening: first ? '' : options.surface.keepAlive,
    keepAliveMs: options.keepAliveMs,
    stuckMs,
    timers: exchange.runtime.timers,
    abort: (reason: ChatError) => open.abort(reason),
    closed: () => open.close(),
  })
  return new Response(body, {
    headers: { ...streamHeaders, ...exchange.headers, ...receiptHeaders(open.call.receipt) },
  })
}

/** The answer, collected. */
export async function respondJson(
  exchange: Exchange,
  open: OpenCall,
  options: { answer: Flow; encode: (answer: Answer) => unknown },
): Promise<Response> {
  try {
    const answer = await fold(options.answer)
    const headers = { ...receiptHeaders(open.call.receipt), ...lossHeader(open.call.receipt) }
    return await largeJsonResponse(exchange, options.encode(answer), { headers })
  } catch (thrown) {
    return errorResponse(exchange, thrown, receiptHeaders(open.call.receipt))
  } finally {
    open.close()
  }
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

const maxNames = 50
const maxListed = 20

/** Names in a header: no comma in any, and of many the first. */
function listOf(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).map((name) => name.replace(/[,%]/g, encodeURIComponent))
  return `${shown.join(', ')}${names.length > maxListed ? ` (+${names.length - maxListed})` : ''}`
}

/** What a client is told of how its answer came about. Names of unknown fields are the client's: only plain ones go into a header. */
function receiptHeaders({
  upstream,
  attempts,
  parameters,
  toolsMissing,
  toolsOmitted,
}: Receipt): Record<string, string> {
  const named = [...parameters].filter(([name]) => /^[\w.-]{1,64}$/.test(name)).slice(0, maxNames)
  return {
    ...(upstream && { 'x-tributary-upstream': upstream }),
    ...(attempts > 0 && { 'x-tributary-attempts': String(attempts) }),
    ...(toolsMissing?.size && { 'x-tributary-tools-missing': listOf([...toolsMissing]) }),
    ...(toolsOmitted?.length && { 'x-tributary-tools-omitted': listOf(toolsOmitted) }),
    ...(named.length > 0 && {
      'x-tributary-parameters': named.map(([name, treatment]) => `${name}=${treatment}`).join(', '),
    }),
  }
}

/** What of the answer its client cannot be told: known where the whole answer is. */
function lossHeader({ lost }: Receipt): Record<string, string> {
  return lost.size > 0 ? { 'x-tributary-lost': listOf([...lost]) } : {}
}
