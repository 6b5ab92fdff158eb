import {
  type Attributes,
  type HrTime,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { type ReadableSpan, type Sampler, SamplingDecision, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Runtime } from '../flow/runtime.ts'
import type { ExportReport } from './export-report.ts'
import { SpanData } from './span-data.ts'
import type { WaitingSpans } from './waiting-spans.ts'

export interface SpanRecorderOptions {
  readonly runtime: Pick<Runtime, 'now' | 'elapsed' | 'random'>
  readonly sampler: Sampler
  /** Gets the spans that have ended. */
  readonly processor: Pick<SpanProcessor, 'onEnd'>
  readonly waiting: WaitingSpans
  readonly report: Pick<ExportReport, 'noteDropped'>
  readonly resource: ReadableSpan['resource']
  readonly scope: ReadableSpan['instrumentationScope']
  readonly keepsTexts: boolean
  readonly propagates: boolean
}

/** The trace of one request: its id, and the clock of its spans. */
export interface TraceClock {
  /** Milliseconds since 1970 at the moment `elapsed` of the clock that only goes forward. */
  readonly epochMs: number
  readonly elapsed: number
}

/** A new span: what it is and when it began. */
export interface NewSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
}

/** Makes spans, and hands those that have ended to the exporter. */
export class SpanRecorder {
  readonly keepsTexts: boolean
  readonly propagates: boolean
  readonly #options: SpanRecorderOptions

  constructor(options: SpanRecorderOptions) {
    this.#options = options
    this.keepsTexts = options.keepsTexts
    this.propagates = options.propagates
  }

  /** Begins a trace, or goes on with that of the client. The sampler decides whether its spans are kept. */
  newContext(name: string, remote: SpanContext | undefined): SpanContext {
    const traceId = remote?.traceId ?? this.#newId(4)
    const context = remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT
    const { decision, traceState = remote?.traceState } = this.#options.sampler.shouldSample(
      context,
      traceId,
      name,
      SpanKind.SERVER,
      {},
      [],
    )
    const isKept = decision === SamplingDecision.RECORD_AND_SAMPLED
    const traceFlags = isKept ? TraceFlags.SAMPLED : TraceFlags.NONE
    return { traceId, spanId: this.#newId(2), traceFlags, ...(traceState && { traceState }) }
  }

  childContext(parent: SpanContext): SpanContext {
    const { traceId, traceFlags, traceState } = parent
    const spanId = this.#newId(2)
    return traceState ? { traceId, spanId, traceFlags, traceState } : { traceId, spanId, traceFlags }
  }

  newClock(): TraceClock {
    const { runtime } = this.#options
    return { epochMs: runtime.now(), elapsed: runtime.elapsed() }
  }

  /** The time now, or at a moment of the clock that only goes forward. */
  timeAt({ epochMs, elapsed }: TraceClock, at = this.#options.runtime.elapsed()): HrTime {
    const ms = epochMs + at - elapsed
    const seconds = Math.floor(ms / 1000)
    return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
  }

  begin(
    span: NewSpan,
    context: SpanContext,
    { parent, clock }: { parent?: SpanContext | undefined; clock: TraceClock },
  ) {
    const { resource, scope } = this.#options
    return new SpanData({
      ...{ name: span.name, kind: span.kind, attributes: span.attributes },
      ...{ context, parent, resource, instrumentationScope: scope, startTime: this.timeAt(clock) },
    })
  }

  /** Ends a span, and hands it to the exporter. If too many wait already, it is dropped. */
  end(data: SpanData, clock: TraceClock): void {
    if (data.ended) return
    data.ended = true
    data.endTime = this.timeAt(clock)
    const { waiting, report, processor } = this.#options
    if (waiting.add(data)) processor.onEnd(data)
    else report.noteDropped()
  }

  /** Hexadecimal digits, eight for each of the words. An id of zeros would be invalid. */
  #newId(words: number): string {
    const { runtime } = this.#options
    let id = ''
    for (let word = 0; word < words; word++) {
      const number = Math.floor(runtime.random() * 0xff_ff_ff_ff) + 1
      id += hexOf(number >>> 16) + hexOf(number & 0xff_ff)
    }
    return id
  }
}

const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The digits of two bytes. */
function hexOf(number: number): string {
  return `${hexBytes[number >>> 8]}${hexBytes[number & 0xff]}`
}
