/** So many of the last times are kept. */
const kept = 100
/** With fewer times, their tail is not known. */
const enough = 20
/** Milliseconds to wait until then. */
const unknownMs = 5_000

/** The last times until the first event of one model at one upstream. */
export class FirstEventTimes {
  readonly #times: number[] = []
  #next = 0

  note(ms: number): void {
    this.#times[this.#next] = ms
    this.#next = (this.#next + 1) % kept
  }

  /** The milliseconds in which 95 of 100 answers begin. */
  get almostAllMs(): number {
    if (this.#times.length < enough) return unknownMs
    const sorted = this.#times.toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length * 0.95)] ?? unknownMs
  }
}
