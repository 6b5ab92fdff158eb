import type { Usage } from '../../chat/event.ts'

/** What the requests of a conversation used. What no upstream has said is not in it. */
export interface ConversationUsage {
  readonly id: string
  readonly requests: number
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly cacheWriteTokens: number
  readonly outputTokens: number
  /** In US dollars; undefined if no price was known. */
  readonly cost: number | undefined
  /** How often something changed that was in a cache already. */
  readonly breaks: number
}

/** Who has the prompt of a conversation in a cache. */
interface CachePlace {
  readonly upstream: string
  readonly account: string
  /** The end of the cache's life, in milliseconds of a clock that only goes forward. */
  readonly until: number
}

/** The requests that continue each other, and what is known of them. It has no text. */
export class CachedConversation {
  readonly id: string
  readonly #elapsed: () => number
  #place: CachePlace | undefined
  #used = { requests: 0, inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 }
  #cost: number | undefined
  #breaks = 0

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

  noteBreak(): void {
    this.#breaks++
  }

  noteUsage(usage: Usage | undefined, cost: number | undefined): void {
    const used = this.#used
    used.requests++
    used.inputTokens += usage?.inputTokens ?? 0
    used.cachedInputTokens += usage?.cachedInputTokens ?? 0
    used.cacheWriteTokens += usage?.cacheWriteTokens ?? 0
    used.outputTokens += usage?.outputTokens ?? 0
    if (cost !== undefined) this.#cost = (this.#cost ?? 0) + cost
  }

  get usage(): ConversationUsage {
    return { id: this.id, ...this.#used, cost: this.#cost, breaks: this.#breaks }
  }
}
