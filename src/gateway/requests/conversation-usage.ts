import type { Usage } from '../../chat/event.ts'

/** What the requests of a conversation used. What no upstream has said is not in it. */
export interface ConversationUsage {
  readonly id: string
  readonly requests: number
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly cacheWriteTokens: number
  readonly outputTokens: number
  /** US dollars; undefined if no price was known. */
  readonly cost: number | undefined
  /** US dollars that the same tokens would have cost more without a cache; undefined if no price was known. */
  readonly saved: number | undefined
  /** How often something changed that was in a cache already. */
  readonly breaks: number
}

/** What one request of a conversation used. */
export interface RequestUsage {
  readonly usage: Usage | undefined
  readonly cost: number | undefined
  readonly saved: number | undefined
  readonly isBroken: boolean
}

/** Adds up what the newest conversations used. */
export class ConversationUsages {
  readonly #max: number
  /** In the order of their last use. */
  readonly #usages = new Map<string, ConversationUsage>()

  constructor(max: number) {
    this.#max = max
  }

  get(id: string): ConversationUsage | undefined {
    return this.#usages.get(id)
  }

  add(id: string, request: RequestUsage): void {
    const known = this.#usages.get(id)
    this.#usages.delete(id)
    this.#usages.set(id, sumOf(known ?? unused(id), request))
    const [oldest] = this.#usages.keys()
    if (this.#usages.size > this.#max && oldest !== undefined) this.#usages.delete(oldest)
  }
}

function unused(id: string): ConversationUsage {
  const tokens = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 }
  return { id, requests: 0, ...tokens, cost: undefined, saved: undefined, breaks: 0 }
}

function sumOf(known: ConversationUsage, { usage, cost, saved, isBroken }: RequestUsage): ConversationUsage {
  return {
    id: known.id,
    requests: known.requests + 1,
    inputTokens: known.inputTokens + (usage?.inputTokens ?? 0),
    cachedInputTokens: known.cachedInputTokens + (usage?.cachedInputTokens ?? 0),
    cacheWriteTokens: known.cacheWriteTokens + (usage?.cacheWriteTokens ?? 0),
    outputTokens: known.outputTokens + (usage?.outputTokens ?? 0),
    cost: addKnown(known.cost, cost),
    saved: addKnown(known.saved, saved),
    breaks: known.breaks + (isBroken ? 1 : 0),
  }
}

/** An unknown amount is not zero. */
function addKnown(sum: number | undefined, amount: number | undefined): number | undefined {
  return amount === undefined ? sum : (sum ?? 0) + amount
}
