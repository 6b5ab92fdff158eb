import type { Usage } from '../chat/event.ts'
import type { AnswerCost } from '../flow/call.ts'
import type { OwnPrices } from './own-prices.ts'
import { priceOf, savedOf } from './price.ts'
import { type RateList, ratesAt } from './rates.ts'
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

export interface Cost extends AnswerCost {
  /** Undefined if nobody says it. */
  readonly source: CostSource | undefined
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

  /** Says what an answer cost and saved, and who says so, as far as that is known. */
  costOf(answer: PricedAnswer): Cost {
    const { usage } = answer
    const found = this.#find(answer)
    const rates = found && ratesAt(found.list, answer.at)
    const savedUsd = rates && savedOf(usage, rates)
    if (usage.cost !== undefined) return { usd: usage.cost, savedUsd, source: 'upstream' }
    return { usd: rates && priceOf(usage, rates), savedUsd, source: found?.source }
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
