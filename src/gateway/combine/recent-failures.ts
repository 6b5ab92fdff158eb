/** Milliseconds for which an upstream that failed is shown as mistrusted. */
const mistrustMs = 10_000

/** Remembers the upstreams that have failed on a route a moment ago and have not answered since, for the operator. */
export class RecentFailures {
  readonly #elapsed: () => number
  /** The time of each upstream's last failure, by `elapsed`. */
  readonly #failedAt = new Map<string, number>()

  /** @param elapsed milliseconds of a clock that only goes forward */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  noteFailure(upstream: string): void {
    this.#failedAt.set(upstream, this.#elapsed())
  }

  noteSuccess(upstream: string): void {
    this.#failedAt.delete(upstream)
  }

  /** Milliseconds for which the upstream is still asked after the others; 0 if it is not. */
  mistrustedForMs(upstream: string): number {
    const failedAt = this.#failedAt.get(upstream)
    return failedAt === undefined ? 0 : Math.max(0, failedAt + mistrustMs - this.#elapsed())
  }
}
