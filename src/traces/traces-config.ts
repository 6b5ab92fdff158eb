import type { Secret } from '../chat/secret.ts'

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** Where traces are sent, and what is in them. The names of the variables are OpenTelemetry's. */
export interface TracesConfig {
  /** The URL for traces, with its path. */
  readonly url: string
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly headers: Readonly<Record<string, Secret>>
  readonly compresses: boolean
  /** Milliseconds for one export, with its retries. */
  readonly timeoutMs: number
  readonly sampler: (typeof samplerNames)[number]
  /** The part of the traces that is kept, from 0 to 1, for a sampler by ratio. */
  readonly ratio: number
  /** Describes this program, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>
  /** Whether the spans have the texts of requests and answers. */
  readonly keepsTexts: boolean
  /** Whether other servers are told which span a request belongs to, and clients may tell us. */
  readonly propagates: boolean
  readonly batch: BatchLimits
}

/** How spans wait until they are sent. */
export interface BatchLimits {
  /** Milliseconds that a span waits at most. */
  readonly delayMs: number
  /** Spans that wait at most. Further ones are dropped. */
  readonly maxWaiting: number
  /** Spans of one export at most. */
  readonly maxSpans: number
}
