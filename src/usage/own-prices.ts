import type { Rates } from './rates.ts'

/** The operator's prices, by `upstream/model`. A `*` stands for any text. */
export class OwnPrices {
  readonly #exact: ReadonlyMap<string, Rates>
  /** The longest first, because that is the closest description. */
  readonly #patterns: readonly (readonly [RegExp, Rates])[]

  constructor(prices: Readonly<Record<string, Rates>>) {
    const entries = Object.entries(prices)
    this.#exact = new Map(entries.filter(([address]) => !address.includes('*')))
    this.#patterns = entries
      .filter(([address]) => address.includes('*'))
      .sort(([a], [b]) => b.length - a.length)
      .map(([address, rates]) => [patternOf(address), rates])
  }

  get size(): number {
    return this.#exact.size + this.#patterns.length
  }

  ratesOf(upstream: string, model: string): Rates | undefined {
    const address = `${upstream}/${model}`
    return this.#exact.get(address) ?? this.#patterns.find(([pattern]) => pattern.test(address))?.[1]
  }
}

function patternOf(address: string): RegExp {
  const texts = address.split('*').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${texts.join('.*')}$`, 's')
}
