/** Who has the prompt of a conversation in a cache. */
interface CachePlace {
  readonly upstream: string
  readonly account: string
  /** The end of the cache's life, in milliseconds of a clock that only goes forward. */
  readonly until: number
}

/** The requests that continue each other, and who has their prompt in a cache. It has no text. */
export class CachedConversation {
  readonly id: string
  readonly #elapsed: () => number
  #place: CachePlace | undefined

  constructor(id: string, elapsed: () => number) {
    this.id = id
    this.#elapsed = elapsed
  }

  /** Who has the prompt in a cache; undefined after the cache's life. */
  get place(): CachePlace | undefined {
    if (this.#place && this.#place.until < this.#elapsed()) this.#place = undefined
    return this.#place
  }

  /** Notes who has read the prompt. */
  notePlace(upstream: string, account: string, lifeMs: number): void {
    this.#place = { upstream, account, until: this.#elapsed() + lifeMs }
  }
}
