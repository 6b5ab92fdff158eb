import type { SpanContext } from '@opentelemetry/api'
import { parseTraceParent, TraceState } from '@opentelemetry/core'

/** Limit for a client's `tracestate`. W3C Trace Context, section 3.3.1.5, asks for at least 512 characters. */
const maxState = 4_096

/** The span of the client that sent a request, from the headers of W3C Trace Context; undefined if there is none. */
export function contextIn(headers: Headers): SpanContext | undefined {
  const parent = headers.get('traceparent')
  const context = parent === null ? null : parseTraceParent(parent)
  if (!context) return undefined
  const state = headers.get('tracestate')
  const traceState = state === null || state.length > maxState ? undefined : new TraceState(state)
  // of a text without one valid entry nothing is left, and an empty state is not allowed
  return { ...context, isRemote: true, ...(traceState?.serialize() && { traceState }) }
}

/** The headers that tell another server of a span. */
export function headersFor({ traceId, spanId, traceFlags, traceState }: SpanContext): Record<string, string> {
  const traceparent = `00-${traceId}-${spanId}-0${traceFlags & 1}`
  const tracestate = traceState?.serialize()
  return tracestate ? { traceparent, tracestate } : { traceparent }
}
