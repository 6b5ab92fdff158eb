import type { ChatError } from '../../chat/error.ts'
import type { RelayEvent } from '../../chat/task.ts'
import type { HashNote } from '../../flow/attempt-hashes.ts'
import { type AnyEvent, begin } from '../../flow/begin.ts'
import type { Receipt } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import { defer } from '../../flow/defer.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { atMost } from '../../flow/wait.ts'
import type { OpenCall } from './calls.ts'
import { type AnswerBody, type Exchange, errorResponse, largeJsonResponse } from './exchange.ts'
import { type StreamSurface, streamBody } from './stream-body.ts'

/** Milliseconds that the response's head waits for the first event, so that an early failure becomes an HTTP status. */
const headMs = 8_000
/** Milliseconds after which a client that takes no bytes is given up. */
const stuckMs = 60_000

/** Responds with a stream, or with the status of a failure that comes before the first event. */
export async function respondStream<Event extends AnyEvent>(
  exchange: Exchange,
  open: OpenCall,
  { answer, ...options }: { answer: Flow<Event>; surface: StreamSurface<Event>; keepAliveMs: number },
): Promise<Response> {
  const begun = begin(answer)
  let first: Flow<Event> | undefined
  try {
    // the call's signal is not used here: an abort ends the answer itself, whose last event may say that it was aborted
    first = await atMost(begun, headMs, exchange.runtime.timers)
  } catch (thrown) {
    open.close()
    return errorResponse(exchange, thrown, headersOf(exchange, open))
  }
  open.noteStream()
  const body = streamBody(first ?? later(answer, begun, exchange.runtime), {
    surface: options.surface,
    opening: first ? '' : options.surface.keepAlive,
    keepAliveMs: options.keepAliveMs,
    stuckMs,
    timers: exchange.runtime.timers,
    network: exchange.runtime.network,
    abort: (reason: ChatError) => open.abort(reason),
    closed: () => open.close(),
  })
  return new Response(body, {
    headers: Object.assign(headersOf(exchange, open), streamHeaders),
  })
}

/** The flow of an answer that has not begun. Closing it closes the answer, also if nobody has read it: its client may leave before. */
function later<Event>(answer: Flow<Event>, begun: Promise<Flow<Event>>, runtime: Runtime): Flow<Event> {
  const flow = defer(() => begun, new CancelSource(runtime))
  return {
    next: () => flow.next(),
    close() {
      flow.close()
      answer.close()
    },
  }
}

/** Responds with the whole answer as one JSON body. */
export async function respondJson<Answer>(
  exchange: Exchange,
  open: OpenCall,
  options: { answer: Promise<Answer>; write: (answer: Answer) => AnswerBody | Promise<AnswerBody> },
): Promise<Response> {
  try {
    const answer = await options.answer
    const headers = headersOf(exchange, open)
    addLosses(headers, open.call.receipt)
    addAnswerHash(headers, open.call.receipt)
    if (open.call.receipt.seams) headers['x-tributary-continued'] = '1'
    const written = options.write(answer)
    const body = written instanceof Promise ? await written : written
    const response = largeJsonResponse(exchange, body, { headers })
    return response instanceof Promise ? await response : response
  } catch (thrown) {
    return errorResponse(exchange, thrown, headersOf(exchange, open))
  } finally {
    open.close()
  }
}

/** Responds with the bytes of an upstream's reply, as they come. A failure after its head breaks the connection off. */
export async function respondRelay(exchange: Exchange, open: OpenCall, answer: Flow<RelayEvent>): Promise<Response> {
  let begun: Flow<RelayEvent>
  try {
    begun = await begin(answer)
  } catch (thrown) {
    open.close()
    return errorResponse(exchange, thrown, headersOf(exchange, open))
  }
  const headers = headersOf(exchange, open)
  const [head] = (await begun.next()) ?? []
  if (head?.type === 'head' && head.contentType !== undefined) headers['content-type'] = head.contentType
  const body = streamBody(begun, {
    surface: relayed,
    opening: '',
    breaksOff: true,
    // silence cannot be filled in a format that is not known
    keepAliveMs: stuckMs,
    stuckMs,
    timers: exchange.runtime.timers,
    network: exchange.runtime.network,
    abort: (reason: ChatError) => open.abort(reason),
    closed: () => open.close(),
  })
  return new Response(body, { headers })
}

const relayed: StreamSurface<RelayEvent> = {
  event: (event) => (event.type === 'bytes' ? event.bytes : ''),
  end: () => '',
  error: () => '',
  keepAlive: '',
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

const maxNames = 50
const maxListed = 20

/** The first of these names as a header's value. A comma in a name is escaped. */
function listOf(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).map((name) => name.replace(/[,%]/g, encodeURIComponent))
  return `${shown.join(', ')}${names.length > maxListed ? ` (+${names.length - maxListed})` : ''}`
}

/** The headers of a response, with those that tell a client how its answer was made. */
function headersOf(exchange: Exchange, { call }: OpenCall): Record<string, string> {
  const { upstream, attempts, parameters, toolsMissing, toolsOmitted, toolsSearched, stream } = call.receipt
  const headers = exchange.newHeaders()
  if (upstream) headers['x-tributary-upstream'] = upstream
  if (attempts > 0) headers['x-tributary-attempts'] = String(attempts)
  if (call.receipt.cacheBrokenAt) headers['x-tributary-cache'] = `broken at ${call.receipt.cacheBrokenAt}`
  if (toolsMissing?.size) headers['x-tributary-tools-missing'] = listOf([...toolsMissing])
  if (toolsOmitted?.length) headers['x-tributary-tools-omitted'] = listOf(toolsOmitted)
  if (toolsSearched !== undefined) headers['x-tributary-tools-searched'] = String(toolsSearched)
  const hashes = call.receipt.isHashed ? hashesIn(call.receipt) : undefined
  if (hashes) headers['x-tributary-asked-sha256'] = hashes.asked.sha256
  if (call.receipt.isRecorded) headers['x-tributary-recorded'] = 'true'
  if (stream !== undefined) headers['x-tributary-stream'] = stream
  const treated = parameters.size > 0 ? treatmentsOf(parameters) : ''
  if (treated !== '') headers['x-tributary-parameters'] = treated
  return headers
}

/** Those of the attempt that answered, or of the last one. */
function hashesIn({ timeline }: Receipt): HashNote | undefined {
  return (timeline.findLast(({ outcome }) => outcome === 'ok') ?? timeline.at(-1))?.hashes
}

/** The hash of an answer is known only after all of it. */
function addAnswerHash(headers: Record<string, string>, receipt: Receipt): void {
  const hashes = receipt.isHashed ? hashesIn(receipt) : undefined
  if (hashes) headers['x-tributary-answered-sha256'] = hashes.answered.sha256
}

/** Unknown fields have names of the client's choice, so only plain names are shown. */
function treatmentsOf(parameters: Receipt['parameters']): string {
  const named = [...parameters].filter(([name]) => /^[\w.-]{1,64}$/.test(name)).slice(0, maxNames)
  return named.map(([name, treatment]) => `${name}=${treatment}`).join(', ')
}

/**
 * Names the parts of the answer that the client's protocol cannot express. They are known only after the whole
 * answer.
 */
function addLosses(headers: Record<string, string>, { lost }: Receipt): void {
  if (lost.size > 0) headers['x-tributary-lost'] = listOf([...lost])
}
