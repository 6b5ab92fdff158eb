import { gzipSync } from 'node:zlib'
import type { ExportResponse, IExporterTransport } from '@opentelemetry/otlp-exporter-base'
import { ChatError } from '../chat/error.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import { send } from '../wire/http.ts'
import type { TracesConfig } from './traces-config.ts'

/** Milliseconds before the first repetition; each further one takes twice as long. */
const firstPauseMs = 500
const maxTries = 5
/** The statuses for which an export is repeated. OTLP 1.x, section "Failures", HTTP */
const repeatable: ReadonlySet<number> = new Set([429, 502, 503, 504])
const maxReplyBytes = 64 * 1024

/** Why an export failed, and whether it may be repeated. */
interface Failure {
  readonly why: string
  readonly mayRepeat: boolean
  readonly waitMs?: number | undefined
}

/** The spans were taken. */
interface AcceptedExport {
  /** What the collector says of them. */
  readonly data: Uint8Array | undefined
}

/**
 * Sends the library's exports with our own HTTP client, so that traces too go through the machine's one network, with its proxies and
 * certificates. It follows no redirect, and repeats what the collector asks to repeat.
 */
export class ExportTransport implements IExporterTransport {
  readonly #config: TracesConfig
  readonly #stop: CancelSource

  constructor(config: TracesConfig, runtime: Runtime) {
    this.#config = config
    this.#stop = new CancelSource(runtime)
  }

  async send(data: Uint8Array, timeoutMs: number): Promise<ExportResponse> {
    const signal = this.#stop.child()
    const timer = signal.runtime.timers.set(timeoutMs, () => signal.abort(tooLate()))
    try {
      const outcome = await this.#trySeveralTimes(this.#config.compresses ? gzipSync(data) : data, signal)
      if ('why' in outcome) return { status: 'failure', error: new Error(outcome.why) }
      return outcome.data ? { status: 'success', data: outcome.data } : { status: 'success' }
    } catch (thrown) {
      return { status: 'failure', error: new Error(whyOf(thrown)) }
    } finally {
      timer.stop()
      signal.release()
    }
  }

  shutdown(): void {
    this.#stop.abort(tooLate())
  }

  async #trySeveralTimes(data: Uint8Array, signal: CancelSource): Promise<Failure | AcceptedExport> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#sendOnce(data, signal)
      if (!('why' in outcome) || !outcome.mayRepeat || attempt === maxTries) return outcome
      await sleep(outcome.waitMs ?? firstPauseMs * 2 ** (attempt - 1), signal)
    }
  }

  async #sendOnce(data: Uint8Array, signal: CancelSource): Promise<Failure | AcceptedExport> {
    const { url, protocol, headers, compresses } = this.#config
    try {
      const reply = await send(
        {
          method: 'POST',
          url,
          headers: {
            'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
            ...(compresses && { 'content-encoding': 'gzip' }),
            ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()])),
          },
          body: [data],
        },
        signal,
      )
      const { status } = reply
      // the spans were taken with the status: whatever is wrong with the rest, sending them again would double them
      const body = await reply.bytes(maxReplyBytes).catch(() => undefined)
      if (status >= 200 && status < 300) return { data: body?.length ? body : undefined }
      const waitMs = waitIn(reply.headers.get('retry-after'))
      return { why: `the collector answers ${status}`, mayRepeat: repeatable.has(status), waitMs }
    } catch (thrown) {
      signal.throwIfAborted()
      return { why: whyOf(thrown), mayRepeat: true }
    }
  }
}

/** The seconds of `Retry-After` as milliseconds. A date is not read, because our clock may differ. */
function waitIn(header: string | null | undefined): number | undefined {
  return /^\d{1,4}$/.test(header ?? '') ? Number(header) * 1000 : undefined
}

/** A sentence without secrets and without the words of the collector. */
function whyOf(thrown: unknown): string {
  return thrown instanceof ChatError ? `the collector cannot be reached: ${thrown.message}` : 'the export failed'
}

function tooLate(): ChatError {
  return new ChatError('timeout', { message: 'There was no answer in time.' })
}
