import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

type TimedEvent = ReadableSpan['events'][number]

const noLinks: Link[] = []
const unset: SpanStatus = { code: SpanStatusCode.UNSET }
const failed: SpanStatus = { code: SpanStatusCode.ERROR }

export interface SpanDataOptions extends Pick<ReadableSpan, 'name' | 'kind' | 'resource' | 'instrumentationScope'> {
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  readonly startTime: HrTime
  readonly attributes: Attributes
}

/**
 * A span as the exporter reads it. The library's own class checks and copies each attribute, which took as long as to send it
 * (docs/decisions/0101-own-spans.md).
 */
export class SpanData implements ReadableSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly resource: ReadableSpan['resource']
  readonly instrumentationScope: ReadableSpan['instrumentationScope']
  readonly parentSpanContext?: SpanContext
  readonly startTime: HrTime
  readonly attributes: Attributes
  readonly links = noLinks
  readonly events: TimedEvent[] = []
  readonly droppedAttributesCount = 0
  readonly droppedEventsCount = 0
  readonly droppedLinksCount = 0
  endTime: HrTime
  status = unset
  ended = false
  /** Characters of the texts of requests and answers that it has. */
  textLength = 0
  readonly #context: SpanContext
  readonly #texts: string[] = []

  constructor(options: SpanDataOptions) {
    this.name = options.name
    this.kind = options.kind
    this.resource = options.resource
    this.instrumentationScope = options.instrumentationScope
    this.startTime = options.startTime
    this.endTime = options.startTime
    this.attributes = options.attributes
    this.#context = options.context
    if (options.parent) this.parentSpanContext = options.parent
  }

  readonly spanContext = (): SpanContext => this.#context

  get duration(): HrTime {
    const [seconds, nanos] = [this.endTime[0] - this.startTime[0], this.endTime[1] - this.startTime[1]]
    return nanos < 0 ? [seconds - 1, nanos + 1e9] : [seconds, nanos]
  }

  /** @param type a code of the table of errors */
  fail(type: string): void {
    this.status = failed
    this.attributes['error.type'] = type
  }

  /** Adds a text of a request or an answer. */
  addText(name: string, text: string): void {
    this.attributes[name] = text
    this.textLength += text.length
    this.#texts.push(name)
  }

  /** Removes the texts, because too many wait to be sent. */
  dropTexts(): void {
    for (const name of this.#texts) delete this.attributes[name]
    this.textLength = 0
  }
}
