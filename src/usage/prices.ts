import type { Usage } from '../chat/event.ts'
import type { AnswerUsage } from '../flow/call.ts'
import type { Counts } from './counts.ts'
import type { OwnPrices } from './own-prices.ts'
import { priceOf, savedOf } from './price.ts'
import { type RateList, type Rates, ratesAt } from './rates.ts'
import { type PriceSource, shippedRates, shippedSource } from './shipped-prices.ts'

/** What is priced: the tokens of an answer, and who gave it. */
export interface PricedAnswer {
  /** The name of the upstream. */
  readonly upstream: string
  /** The upstream's own name of the model. */
  readonly model: string
  readonly usage: Usage
  /** When it was given, in milliseconds since 1970. */
  readonly at: number
}

/** Who says what an answer cost. */
export type CostSource = 'upstream' | 'prices-file' | 'package'

/** In US dollars. */
export interface Cost {
  readonly usd: number
  readonly source: CostSource
}

/** What is known of an upstream's prices. An upstream without an address has none but the operator's. */
export interface PricedUpstream {
  readonly name: string
  readonly baseUrl?: string
  readonly address?: string
  readonly isWebProduct?: true
}

interface PricesOptions {
  readonly upstreams: readonly PricedUpstream[]
  readonly own?: OwnPrices
}

interface FoundRates {
  readonly list: RateList
  readonly source: Exclude<CostSource, 'upstream'>
}

/** Limit for the models whose rates are remembered. A client may invent names. */
const maxRemembered = 1_000
/** A longer name of a model has no price. */
const maxName = 200

/**
 * Says what answers cost: what the upstream itself states, otherwise by the operator's prices, otherwise by those of the price
 * package. What none of them knows is unknown, and never zero.
 */
export class Prices {
  #upstreams: ReadonlyMap<string, PricedUpstream>
  #own: OwnPrices | undefined
  readonly #remembered = new Map<string, FoundRates | undefined>()
  #source: PriceSource | undefined

  constructor({ upstreams, own }: PricesOptions) {
    this.#upstreams = new Map(upstreams.map((upstream) => [upstream.name, upstream]))
    this.#own = own
  }

  /** Prices later answers by other upstreams and other prices of the operator. */
  reconfigure({ upstreams, own }: PricesOptions): void {
    this.#upstreams = new Map(upstreams.map((upstream) => [upstream.name, upstream]))
    this.#own = own
    this.#remembered.clear()
  }

  /** Where the shipped prices are from. */
  get shipped(): PriceSource {
    this.#source ??= shippedSource()
    return this.#source
  }

  /** Returns the cost of an answer; undefined if it is unknown. */
  costOf(answer: PricedAnswer): Cost | undefined {
    const { usage } = answer
    if (usage.cost !== undefined) return { usd: usage.cost, source: 'upstream' }
    const found = this.#find(answer)
    const rates = found && ratesAt(found.list, answer.at)
    const usd = rates && priceOf(usage, rates)
    return found && usd !== undefined ? { usd, source: found.source } : undefined
  }

  /** Returns what the upstream's cache saved, in US dollars; undefined if the prices of the model are unknown. */
  savedOf(answer: PricedAnswer): number | undefined {
    const rates = this.ratesOf(answer)
    return rates && savedOf(answer.usage, rates)
  }

  /** Returns the rates of a model; undefined if they are unknown. */
  ratesOf(answer: Omit<PricedAnswer, 'usage'>): Rates | undefined {
    const found = this.#find(answer)
    return found && ratesAt(found.list, answer.at)
  }

  #find({ upstream, model }: Pick<PricedAnswer, 'upstream' | 'model'>): FoundRates | undefined {
    if (model.length > maxName) return undefined
    const address = `${upstream}/${model}`
    if (this.#remembered.has(address)) return this.#remembered.get(address)
    const found = this.#lookUp(upstream, model)
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
    this.#remembered.set(address, found)
    return found
  }

  #lookUp(name: string, model: string): FoundRates | undefined {
    const own = this.#own?.ratesOf(name, model)
    if (own) return { list: [own], source: 'prices-file' }
    const upstream = this.#upstreams.get(name)
    const url = upstream?.baseUrl ?? upstream?.address
    // a web product has no price for an answer
    if (url === undefined || upstream?.isWebProduct) return undefined
    const list = shippedRates(url, model)
    return list && { list, source: 'package' }
  }
}

const nanosPerDollar = 1_000_000_000

/** Counts the cost of an answer, and what the cache saved. */
export function costCounts(prices: Prices, { upstream, model, usage }: AnswerUsage, at: number): Counts {
  if (!usage) return { unknownCosts: 1 }
  const answer = { upstream, model, usage, at }
  const cost = prices.costOf(answer)
  return {
    ...(cost ? { costNanos: Math.round(cost.usd * nanosPerDollar) } : { unknownCosts: 1 }),
    savedNanos: Math.round((prices.savedOf(answer) ?? 0) * nanosPerDollar),
  }
}
