import type { SpanContext } from '@opentelemetry/api'
import type { AttemptSpan, CallSpan, ExchangeSpan, ToolSpan } from '../flow/span.ts'
import { headersFor } from './trace-context.ts'

/**
 * Every span of a trace that the sampler has not chosen. Other servers are told that the trace is not kept, so that they keep no
 * part of it either.
 */
export class UnrecordedSpan implements CallSpan, AttemptSpan, ToolSpan, ExchangeSpan {
  readonly headers: Readonly<Record<string, string>>
  readonly traceId: string
  readonly keepsTexts = false

  constructor(context: SpanContext, propagates: boolean) {
    this.traceId = context.traceId
    this.headers = propagates ? headersFor(context) : {}
  }

  beginAttempt(): AttemptSpan {
    return this
  }

  beginToolRun(): ToolSpan {
    return this
  }

  beginExchange(): ExchangeSpan {
    return this
  }

  onBatch(): void {
    // nothing is kept
  }

  noteStatus(): void {
    // nothing is kept
  }

  noteFailure(): void {
    // nothing is kept
  }

  end(): void {
    // nothing is kept
  }

  fail(): void {
    // nothing is kept
  }
}
