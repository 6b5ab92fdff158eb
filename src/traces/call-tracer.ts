import { SpanKind, TraceFlags } from '@opentelemetry/api'
import type { ChatError } from '../chat/error.ts'
import type { CallSpan, TracedRequest, Tracer } from '../flow/span.ts'
import type { CallRecord } from '../gateway/call-record.ts'
import { addCall, requestAttributes } from './call-attributes.ts'
import type { SpanRecorder } from './span-recorder.ts'
import { RecordedSpan, type SpanPlace } from './spans.ts'
import { contextIn } from './trace-context.ts'
import { UnrecordedSpan } from './unrecorded-span.ts'

/** Surfaces whose requests are the operator's looks at the gateway. A page that is open would fill every trace store. */
const untraced: ReadonlySet<string> = new Set(['admin', 'operations', 'console'])

/** Makes the spans of requests. */
export class CallTracer implements Tracer {
  readonly #recorder: SpanRecorder

  constructor(recorder: SpanRecorder) {
    this.#recorder = recorder
  }

  begin(request: TracedRequest): CallSpan | undefined {
    const { method, route, surface, headers, parent } = request
    if (untraced.has(surface)) return undefined
    const recorder = this.#recorder
    // what goes on without its client belongs to the request that began it
    if (parent instanceof UnrecordedSpan) return parent
    if (parent instanceof RecordedCall) return parent.detach(request)
    const name = `${method} ${route}`
    const remote = recorder.propagates ? contextIn(headers) : undefined
    const context = recorder.newContext(name, remote)
    if ((context.traceFlags & TraceFlags.SAMPLED) === 0) return new UnrecordedSpan(context, recorder.propagates)
    return new RecordedCall(request, { recorder, clock: recorder.newClock(), context, parent: remote })
  }

  /** Notes how the answer of a call ended. */
  readonly noteCall = (record: CallRecord): void => {
    const { span } = record.call.signal
    if (span instanceof RecordedCall) span.noteCall(record)
  }
}

class RecordedCall extends RecordedSpan implements CallSpan {
  #outcome: string | undefined

  constructor(request: TracedRequest, place: SpanPlace, kind = SpanKind.SERVER) {
    const name = `${request.method} ${request.route}`
    super({ name, kind, attributes: requestAttributes(request) }, place)
  }

  /** Begins the span of what goes on after the client has left. */
  detach(request: TracedRequest): RecordedCall {
    const { recorder, clock, context } = this.place
    const place = { recorder, clock, context: recorder.childContext(context), parent: context }
    return new RecordedCall(request, place, SpanKind.INTERNAL)
  }

  noteStatus(status: number): void {
    this.data.attributes['http.response.status_code'] = status
  }

  noteFailure(error: ChatError): void {
    this.#outcome = error.ownCode
    const { status } = error.meaning
    // what a client did wrong is no failure of the server. Semantic conventions 1.45, HTTP server spans
    if (status >= 500) this.data.fail(error.ownCode)
    else this.data.attributes['error.type'] = error.ownCode
  }

  noteCall(record: CallRecord): void {
    const { ending, call } = record
    const { recorder, clock } = this.place
    addCall(this.data.attributes, record)
    if (ending.kind === 'failed') this.noteFailure(ending.error)
    for (const { from, to, after, at } of call.receipt.seams ?? []) {
      const attributes = { from: from ?? 'unknown', to, after }
      this.data.events.push({ name: 'tributary.continued', time: recorder.timeAt(clock, at), attributes })
    }
  }

  end(): void {
    const { attributes } = this.data
    if (this.#outcome !== undefined) attributes['tributary.outcome'] ??= this.#outcome
    attributes['http.response.status_code'] ??= 200
    this.finish()
  }
}
