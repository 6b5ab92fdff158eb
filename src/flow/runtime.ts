import type { Timers } from './timers.ts'

/** Everything that the program asks of the machine it runs on. Only the composition root makes a real one. */
export interface Runtime {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds of a clock that only goes forward, in fractions. */
  elapsed(): number
  /** Every wait of the program. */
  readonly timers: Timers
  /** From 0 up to, but not including, 1. It is no secret. */
  random(): number
  /** Unpredictable, fit for keys. */
  randomBytes(count: number): Uint8Array
  /** A UUID. */
  newId(): string
}
