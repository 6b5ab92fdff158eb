import type { Runtime } from '../../flow/runtime.ts'

const minuteMs = 60_000
const secondMs = 1_000
/** The minutes that are kept, the current one included. */
export const keptMinutes = 60

/**
 * Numbers the minutes by a clock that only goes forward, so that a change of the machine's time moves no count. They begin with the
 * minutes of the machine's time when it was made.
 */
export class MinuteClock {
  readonly #runtime: Runtime
  readonly #offsetMs: number

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#offsetMs = (runtime.now() % minuteMs) - runtime.elapsed()
  }

  get minute(): number {
    return Math.floor(this.#passedMs / minuteMs)
  }

  /** When a minute began, in milliseconds since 1970, as the machine's time is now. The two clocks differ by a little all the time. */
  startOf(minute: number): number {
    const at = this.#runtime.now() - this.#passedMs + minute * minuteMs
    return Math.round(at / secondMs) * secondMs
  }

  get #passedMs(): number {
    return this.#runtime.elapsed() + this.#offsetMs
  }
}

/** Several numbers for each minute of the last hour. Its size never changes. */
export class MinuteRing {
  readonly #width: number
  readonly #numbers: Float64Array | Uint32Array
  /** The newest minute. The place of a minute is its number modulo those that are kept. */
  #newest = 0

  /** @param numbers all zero, as many for each minute as there are fields */
  constructor(numbers: Float64Array | Uint32Array) {
    this.#width = numbers.length / keptMinutes
    this.#numbers = numbers
  }

  add(minute: number, field: number, amount = 1): void {
    this.forgetBefore(minute)
    const at = this.#placeOf(minute) + field
    this.#numbers[at] = (this.#numbers[at] ?? 0) + amount
  }

  /** Empties the places of the minutes that are over for longer than an hour. Call it before reading. */
  forgetBefore(minute: number): void {
    if (minute <= this.#newest) return
    for (let next = Math.max(this.#newest + 1, minute - keptMinutes + 1); next <= minute; next++) {
      const at = this.#placeOf(next)
      this.#numbers.fill(0, at, at + this.#width)
    }
    this.#newest = minute
  }

  /** The fields of one of the minutes that are kept. */
  row(minute: number): ArrayLike<number> {
    const at = this.#placeOf(minute)
    return this.#numbers.subarray(at, at + this.#width)
  }

  sums(): readonly number[] {
    const sums: number[] = Array.from({ length: this.#width }, () => 0)
    for (let at = 0; at < this.#numbers.length; at++) {
      const field = at % this.#width
      sums[field] = (sums[field] ?? 0) + (this.#numbers[at] ?? 0)
    }
    return sums
  }

  #placeOf(minute: number): number {
    return (((minute % keptMinutes) + keptMinutes) % keptMinutes) * this.#width
  }
}

/** Makes a ring for counts of events. */
export function countsRing(fields: number): MinuteRing {
  return new MinuteRing(new Uint32Array(fields * keptMinutes))
}

/** Returns the numbers of the minutes that are kept, the oldest first. */
export function minutesUntil(minute: number): readonly number[] {
  return Array.from({ length: keptMinutes }, (_, at) => minute - keptMinutes + 1 + at)
}
