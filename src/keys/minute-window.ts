const sliceMs = 1_000
/** The slice that has begun, and the 60 before it. */
const slices = 61

/**
 * Adds up what was used within the last minute. It is counted by the second, and a use counts until the 60 seconds after its own are over. So no minute
 * has more than the limit.
 */
export class MinuteWindow {
  readonly #amounts = new Float64Array(slices)
  /** The number of the newest slice. */
  #newest = 0
  #sum = 0

  /** @param now milliseconds of a clock that only goes forward */
  used(now: number): number {
    this.#moveTo(Math.floor(now / sliceMs))
    return this.#sum
  }

  /** @returns the slice in which it was counted */
  add(amount: number, now: number): number {
    this.#moveTo(Math.floor(now / sliceMs))
    this.#change(this.#newest, amount)
    return this.#newest
  }

  /** Gives back what was counted in this slice, unless its minute is over. */
  giveBack(slice: number, amount: number, now: number): void {
    this.#moveTo(Math.floor(now / sliceMs))
    if (slice > this.#newest - slices) this.#change(slice, -Math.min(amount, this.#at(slice)))
  }

  /** Milliseconds until so much may be used; 0 if it may be used now. */
  msUntil(amount: number, limit: number, now: number): number {
    let excess = this.used(now) + amount - limit
    for (let slice = this.#newest - slices + 1; excess > 0 && slice <= this.#newest; slice++) {
      excess -= this.#at(slice)
      if (excess <= 0) return (slice + slices) * sliceMs - now
    }
    return 0
  }

  #at(slice: number): number {
    return this.#amounts[slice % slices] ?? 0
  }

  #change(slice: number, by: number): void {
    this.#amounts[slice % slices] = this.#at(slice) + by
    this.#sum += by
  }

  #moveTo(newest: number): void {
    for (let left = Math.min(newest - this.#newest, slices); left > 0; left--) {
      const passed = (newest - left + 1) % slices
      this.#sum -= this.#amounts[passed] ?? 0
      this.#amounts[passed] = 0
    }
    this.#newest = Math.max(newest, this.#newest)
  }
}
