/** The upper bounds of the gaps, in seconds. Most models send a chunk every few hundredths of a second. */
export const chunkGapBounds: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96],
]

/** Counts the times between the chunks of one answer by their length. It is cheap enough for each read of the network. */
export class ChunkGaps {
  /** One for each bound, and one for longer gaps. */
  readonly counts = new Uint32Array(chunkGapBounds.length + 1)
  /** Seconds. */
  sum = 0
  /** Seconds. */
  longest = 0

  /** @param gap seconds */
  add(gap: number): void {
    let at = 0
    while (at < chunkGapBounds.length && gap > (chunkGapBounds[at] ?? 0)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sum += gap
    if (gap > this.longest) this.longest = gap
  }
}
