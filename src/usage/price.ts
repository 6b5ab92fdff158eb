import type { Usage } from '../chat/event.ts'
import type { Rates, Tiers } from './rates.ts'

const million = 1_000_000

/** The input of an answer by what it costs. The parts add up to the input. */
interface InputParts {
  readonly fresh: number
  readonly cached: number
  readonly write: number
  readonly write1h: number
}

/**
 * What an answer cost, in US dollars. If the upstream charges for other tokens than it counts, those are priced.
 * @returns undefined if there are tokens without a price, or a price whose tokens are unknown
 */
export function priceOf(usage: Usage, rates: Rates): number | undefined {
  const { inputTokens: input, outputTokens: output } = usage.billed ?? usage
  if (!isPriced(input, rates.input) || !isPriced(output, rates.output)) return undefined
  return inputPrice(usage, input ?? 0, rates) + outputPrice(usage, output ?? 0, rates) + (rates.request ?? 0)
}

function isPriced(tokens: number | undefined, rate: number | Tiers | undefined): boolean {
  return tokens === undefined ? rate === undefined || rate === 0 : rate !== undefined || tokens === 0
}

/**
 * What the cache saved, in US dollars: what the input would have cost without it, less what it cost. Below zero if writing to
 * the cache cost more than reading saved.
 */
export function savedOf(usage: Usage, rates: Rates): number {
  if (!usage.cachedInputTokens && !usage.cacheWriteTokens) return 0
  const input = (usage.billed ?? usage).inputTokens ?? 0
  const { cachedInputTokens: _, cacheWriteTokens: __, longCacheWriteTokens: ___, ...uncached } = usage
  return inputPrice(uncached, input, rates) - inputPrice(usage, input, rates)
}

function inputPrice(usage: Usage, input: number, rates: Rates): number {
  const price = (rate: number | Tiers = rates.input ?? 0) => at(rate, input)
  const { fresh, cached, write, write1h } = partsOf(usage, input)
  const sum =
    fresh * price() +
    cached * price(rates.cached) +
    write * price(rates.write) +
    write1h * price(rates.write1h ?? rates.write)
  return sum / million
}

function partsOf(
  { cachedInputTokens = 0, cacheWriteTokens = 0, longCacheWriteTokens = 0 }: Usage,
  input: number,
): InputParts {
  const cached = Math.min(cachedInputTokens, input)
  const written = Math.min(cacheWriteTokens, input - cached)
  const write1h = Math.min(longCacheWriteTokens, written)
  return { fresh: input - cached - written, cached, write: written - write1h, write1h }
}

function outputPrice({ reasoningTokens = 0, billed, ...usage }: Usage, output: number, rates: Rates): number {
  const input = (billed ?? usage).inputTokens ?? 0
  const said = at(rates.output ?? 0, input)
  const reasoning = Math.min(reasoningTokens, output)
  const thought = rates.reasoning === undefined ? said : at(rates.reasoning, input)
  return ((output - reasoning) * said + reasoning * thought) / million
}

/** The price for a request with this input. */
function at(rate: number | Tiers, input: number): number {
  if (typeof rate === 'number') return rate
  let [price = 0] = rate
  for (let step = 1; step + 1 < rate.length; step += 2) if (input > (rate[step] ?? 0)) price = rate[step + 1] ?? price
  return price
}
