/** Counts the running calls, up to a limit. */
export class Permits {
  /** Infinity if the calls are only counted. */
  readonly max: number
  #taken = 0

  constructor(max = Number.POSITIVE_INFINITY) {
    this.max = max
  }

  get taken(): number {
    return this.#taken
  }

  /** @returns whether a permit was left */
  take(): boolean {
    if (this.#taken >= this.max) return false
    this.#taken++
    return true
  }

  release(): void {
    this.#taken--
  }
}
