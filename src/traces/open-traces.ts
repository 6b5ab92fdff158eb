import { createNoopMeter } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { createOtlpNetworkExportDelegate, ExporterMetrics, OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { JsonTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Tracer } from '../flow/span.ts'
import type { CallListeners } from '../gateway/call-record.ts'
import { CallTracer } from './call-tracer.ts'
import { spanSerializer } from './encode-spans.ts'
import { ExportReport } from './export-report.ts'
import { ExportTransport } from './export-transport.ts'
import { SpanRecorder } from './span-recorder.ts'
import type { TracesConfig } from './traces-config.ts'
import { WaitingSpans } from './waiting-spans.ts'

/** Milliseconds for the last spans of a process that stops. */
const lastSpansMs = 3_000
/** Exports that run at the same time. */
const concurrencyLimit = 4

export interface TracesOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly version: string
}

/** The traces of a process, for its composition root. */
export interface Traces {
  readonly tracer: Tracer
  readonly listeners: CallListeners
  /** Sends the last spans, and waits for that for some seconds at most. */
  close(): Promise<void>
}

/** Begins to send traces. A collector that cannot be reached delays no request. */
export function openTraces(config: TracesConfig, { log, runtime, version }: TracesOptions): Traces {
  const waiting = new WaitingSpans(config.batch.maxWaiting)
  const report = new ExportReport(log, runtime)
  const transport = new ExportTransport(config, runtime)
  const { batch, timeoutMs } = config
  const processor = new BatchSpanProcessor({
    exporter: countingExporter(openExporter(config, transport), { waiting, report }),
    scheduledDelayMillis: batch.delayMs,
    // the recorder counts what waits, and drops what is too much
    maxQueueSize: Math.max(batch.maxWaiting, batch.maxSpans),
    maxExportBatchSize: batch.maxSpans,
    exportTimeoutMillis: timeoutMs,
  })
  const recorder = new SpanRecorder({
    ...{ runtime, processor, waiting, report },
    ...{ keepsTexts: config.keepsTexts, propagates: config.propagates },
    sampler: samplerOf(config),
    resource: resourceFromAttributes({
      'service.instance.id': runtime.newId(),
      'service.version': version,
      ...config.resource,
    }),
    scope: { name: 'tributary', version },
  })
  const tracer = new CallTracer(recorder)
  return {
    tracer,
    listeners: { onCallEnd: tracer.noteCall },
    async close() {
      const timer = runtime.timers.set(lastSpansMs, () => transport.shutdown())
      // the report has said why, if they could not be sent
      await processor.shutdown().catch(() => undefined)
      timer.stop()
    },
  }
}

function samplerOf({ sampler, ratio }: TracesConfig): Sampler {
  const root = () => {
    if (sampler.endsWith('always_on')) return new AlwaysOnSampler()
    return sampler.endsWith('always_off') ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
  }
  return sampler.startsWith('parentbased') ? new ParentBasedSampler({ root: root() }) : root()
}

function openExporter(
  { protocol, url, timeoutMs, compresses }: TracesConfig,
  transport: ExportTransport,
): SpanExporter {
  const serializer = protocol === 'http/json' ? JsonTraceSerializer : spanSerializer
  const metrics = new ExporterMetrics<ReadableSpan[]>({
    componentType: 'otlp_http_span_exporter',
    metricsHelper: TraceExporterMetricsHelper,
    url,
    meterProvider: { getMeter: () => createNoopMeter() },
    responseAttributesFromError: () => ({}),
  })
  const compression = compresses ? 'gzip' : 'none'
  const options = { timeoutMillis: timeoutMs, concurrencyLimit, compression } as const
  return new OTLPExporterBase(createOtlpNetworkExportDelegate(options, serializer, metrics, transport))
}

interface ExportCounts {
  readonly waiting: WaitingSpans
  readonly report: ExportReport
}

/** ExportCounts what is sent and what is lost. */
function countingExporter(exporter: SpanExporter, { waiting, report }: ExportCounts): SpanExporter {
  return {
    export(spans, done) {
      waiting.remove(spans)
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) report.noteSuccess()
        else report.noteFailure(result.error?.message ?? 'the export failed', spans.length)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
