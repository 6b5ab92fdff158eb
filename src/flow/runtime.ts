import type { Network } from './network.ts'
import type { Timers } from './timers.ts'

/** Everything that the program needs from its machine. Only the composition root makes a real one. */
export interface Runtime {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds, with fractions, of a clock that only goes forward. */
  elapsed(): number
  /** The timers of every wait of the program. */
  readonly timers: Timers
  /** A number from 0 up to, but not including, 1. Do not use it for secrets. */
  random(): number
  /** Unpredictable bytes, suitable for keys. */
  randomBytes(count: number): Uint8Array
  /** A UUID. */
  newId(): string
  /** The memory of the process. */
  memory(): MemoryUse
  readonly network: Network
}

export interface MemoryUse {
  readonly usedBytes: number
  /** What the machine or the container has; Infinity if that is not known. */
  readonly limitBytes: number
}
