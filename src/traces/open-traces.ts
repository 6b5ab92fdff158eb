import { createNoopMeter } from '@opentelemetry/api'
import { createOtlpNetworkExportDelegate, ExporterMetrics, OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  JsonTraceSerializer,
  TraceExporterMetricsHelper,
} from '@opentelemetry/otlp-transformer'
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
import { ExportQueue, maxExports } from './export-queue.ts'
import { ExportReport } from './export-report.ts'
import { ExportTransport } from './export-transport.ts'
import { SpanRecorder } from './span-recorder.ts'
import type { TracesConfig } from './traces-config.ts'
import { WaitingSpans } from './waiting-spans.ts'

/** Milliseconds for the last spans of a process that stops. */
const lastSpansMs = 3_000
/** The exporter's own limit. The queue has a lower one, because the exporter counts an export a little longer than the queue. */
const concurrencyLimit = 2 * maxExports

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
  const exporter = new ExportQueue(openExporter(config, transport, report), { waiting, report })
  const processor = new BatchSpanProcessor({
    exporter,
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
      // it does not wait for the others when one has failed
      await exporter.idle()
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
  report: ExportReport,
): SpanExporter {
  const { serializeRequest, deserializeResponse } = protocol === 'http/json' ? JsonTraceSerializer : spanSerializer
  const serializer: ISerializer<ReadableSpan[], IExportTraceServiceResponse> = {
    serializeRequest,
    deserializeResponse(data) {
      const response = deserializeResponse(data)
      const refused = Number(response.partialSuccess?.rejectedSpans ?? 0)
      if (refused > 0) report.noteRefused(refused)
      return response
    },
  }
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
