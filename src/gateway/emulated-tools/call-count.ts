/** How often a model may write the same call in one answer, and how many calls. After that it repeats itself without end. */
const maxRepeats = 2
const maxCalls = 128

/** Counts the calls of an answer. */
export class CallCount {
  readonly #counts = new Map<string, number>()
  #total = 0

  add(written: string): void {
    this.#counts.set(written, (this.#counts.get(written) ?? 0) + 1)
    this.#total++
  }

  /** Whether the same call was written as often as it may be. */
  isRepeated(written: string): boolean {
    return (this.#counts.get(written) ?? 0) >= maxRepeats
  }

  get isEnough(): boolean {
    return this.#total >= maxCalls
  }
}
