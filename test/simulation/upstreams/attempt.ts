import type { Manner } from './manner.ts'

/** One request that an upstream got, as it saw it. Times are milliseconds since the night began. */
export interface Attempt {
  /** The wish that it asked for. */
  readonly id: string
  readonly upstream: string
  readonly key: string
  readonly manner: Manner
  readonly isStreamed: boolean
  /** The number of characters of the answer that it was given, to go on with. */
  readonly from: number
  readonly at: number
  /** Whether all of the answer was sent, with its end. */
  isWhole: boolean
  /** When it sent the first text. */
  begunAt?: number
  /** When it sent the last text. */
  sentAt?: number
  /** When the upstream had sent all that it would send, or its client had left. */
  endedAt?: number
}
