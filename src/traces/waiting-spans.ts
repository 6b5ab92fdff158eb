import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { SpanData } from './span-data.ts'

/** Limit for the characters of the texts that wait. A collector that is down must not fill the memory. */
const maxTextLength = 16 * 1024 * 1024

/** Counts the spans that wait to be sent, and their texts. */
export class WaitingSpans {
  readonly #most: number
  #count = 0
  #textLength = 0

  /** @param most spans that may wait */
  constructor(most: number) {
    this.#most = most
  }

  /** Counts a span, which loses its texts if too many wait. @returns false if there is no room for the span */
  add(span: SpanData): boolean {
    if (this.#count >= this.#most) return false
    if (this.#textLength + span.textLength > maxTextLength) span.dropTexts()
    this.#count++
    this.#textLength += span.textLength
    return true
  }

  /** They are sent now. */
  remove(spans: readonly ReadableSpan[]): void {
    this.#count -= spans.length
    for (const span of spans) if (span instanceof SpanData) this.#textLength -= span.textLength
  }
}
