import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { ExportReport } from './export-report.ts'
import type { WaitingSpans } from './waiting-spans.ts'

/** Exports that run at the same time. */
export const maxExports = 4

interface ExportCounts {
  readonly waiting: WaitingSpans
  readonly report: Pick<ExportReport, 'noteSuccess' | 'noteFailure'>
}

type Done = (result: ExportResult) => void

/**
 * Hands spans to the exporter, and counts what is sent and what is lost. The exporter refuses more than a few exports at the same
 * time, and a process that stops begins all of them at once: so the others wait here.
 */
export class ExportQueue implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #counts: ExportCounts
  readonly #next: { readonly spans: ReadableSpan[]; readonly done: Done }[] = []
  #running = 0
  #idle = Promise.withResolvers<void>()

  constructor(exporter: SpanExporter, counts: ExportCounts) {
    this.#exporter = exporter
    this.#counts = counts
    this.#idle.resolve()
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#counts.waiting.remove(spans)
    if (this.#running === 0) this.#idle = Promise.withResolvers()
    if (this.#running < maxExports) this.#begin(spans, done)
    else this.#next.push({ spans, done })
  }

  /** Resolves when all that was handed over has been sent, or is lost. */
  idle(): Promise<void> {
    return this.#idle.promise
  }

  async shutdown(): Promise<void> {
    await this.idle()
    await this.#exporter.shutdown()
  }

  forceFlush(): Promise<void> {
    return this.idle()
  }

  #begin(spans: ReadableSpan[], done: Done): void {
    const { report } = this.#counts
    this.#running++
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) report.noteSuccess()
      else report.noteFailure(result.error?.message ?? 'the export failed', spans.length)
      done(result)
      this.#end()
    })
  }

  #end(): void {
    this.#running--
    const next = this.#next.shift()
    if (next) this.#begin(next.spans, next.done)
    else if (this.#running === 0) this.#idle.resolve()
  }
}
