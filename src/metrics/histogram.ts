/** One number of a histogram. */
interface HistogramSample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * The upper bounds of durations, in seconds: those that OpenTelemetry's conventions for generative AI state, and two more, because a
 * reasoning model may take longer than a minute.
 */
const durationBounds: readonly number[] = [
  ...[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  ...[163.84, 327.68],
]

/** Counts values by their size. An observation writes two numbers, and what is written out is worked out when it is asked for. */
export class Histogram {
  readonly #bounds: readonly number[]
  /** The last one is for values over all bounds. */
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[] = durationBounds) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let at = 0
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at++
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  /** Adds what was counted elsewhere with the same bounds. */
  add(counts: ArrayLike<number>, sum: number): void {
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at] = (this.#counts[at] ?? 0) + (counts[at] ?? 0)
    this.#sum += sum
  }

  /** @returns nothing if nothing was observed */
  samples(name: string, labels: HistogramSample['labels']): readonly HistogramSample[] {
    const samples: HistogramSample[] = []
    let count = 0
    for (const [at, own] of this.#counts.entries()) {
      count += own
      const le = String(this.#bounds[at] ?? '+Inf')
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count })
    }
    if (count === 0) return []
    samples.push({ metricName: `${name}_sum`, labels, value: this.#sum })
    samples.push({ metricName: `${name}_count`, labels, value: count })
    return samples
  }
}
