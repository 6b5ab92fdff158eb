/** The calls that run at the moment, and how many may. */
export class Permits {
  /** Infinity where the calls are only counted. */
  readonly max: number
  #taken = 0

  constructor(max = Number.POSITIVE_INFINITY) {
    this.max = max
  }

  get taken(): number {
    return this.#taken
  }

  /** @returns whether there was one left */
  take(): boolean {
    if (this.#taken >= this.max) return false
    this.#taken++
    return true
  }

  giveBack(): void {
    this.#taken--
  }
}
