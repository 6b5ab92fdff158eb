import {
  type ConditionalPrice,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
  type Provider,
  waitForUpdate,
} from '@pydantic/genai-prices'
import { devDependencies } from '../package.json'
import type { ModelMatch } from '../src/usage/model-match.ts'
import type { Rates, TimedRates } from '../src/usage/rates.ts'

/** The package of prices. Itself it does not say when it was published: `npm view @pydantic/genai-prices time`. */
const published = { package: '@pydantic/genai-prices', version: '0.1.8', date: '2026-09-23' }

/** All services of the installed package. */
export async function packagedServices(): Promise<readonly Provider[]> {
  const installed = devDependencies['@pydantic/genai-prices']
  if (installed !== published.version) throw new Error(`Write the date of ${installed} into test/price-package.ts.`)
  return (await waitForUpdate()) ?? []
}

/** The text of `src/usage/shipped-prices.txt`. */
export async function shippedText(): Promise<string> {
  const services = await packagedServices()
  const rows = services.map(({ id, api_pattern: pattern, fallback_model_providers: others = [], models }) =>
    [{ id, url: whole(pattern), others }, models.map(({ match, ...model }) => [matchOf(match), ratesOf(model)])]
      .map(toJson)
      .join('\t'),
  )
  return `${[toJson(published), ...rows].join('\n')}\n`
}

/** Lets a host end where the pattern does: `api.openai.com` is not the beginning of `api.openai.com.example.org`. */
function whole(pattern: string): string {
  return /\\\.$|\$\)$/.test(pattern) ? pattern : `${pattern}(?=[/:]|$)`
}

const toJson = (value: unknown) => JSON.stringify(value)

function matchOf(match: MatchLogic): ModelMatch {
  if ('or' in match) return match.or.map(matchOf)
  if ('and' in match) return { and: match.and.map(matchOf) }
  if ('equals' in match) return `=${match.equals.toLowerCase()}`
  if ('starts_with' in match) return `^${match.starts_with.toLowerCase()}`
  if ('ends_with' in match) return `$${match.ends_with.toLowerCase()}`
  return 'contains' in match ? `*${match.contains.toLowerCase()}` : `/${match.regex}`
}

/** The prices of a model that depend on tokens. A model has none if it also makes pictures or sounds, whose tokens we do not count. */
function ratesOf({ prices }: Pick<ModelInfo, 'prices'>): readonly TimedRates[] {
  const timed = Array.isArray(prices) ? prices : [{ prices }]
  const isUncounted = timed.some((each) =>
    Object.keys(each.prices).some((key) => /^output_(audio|image|video)/.test(key)),
  )
  return isUncounted
    ? []
    : timed.map(timedRates).filter(({ input, output }) => input !== undefined || output !== undefined)
}

function timedRates({ constraint, prices }: ConditionalPrice): TimedRates {
  const rates = ratesIn(prices)
  if (!constraint) return rates
  if (constraint.type === 'start_date') return { ...rates, from: constraint.start_date }
  return { ...rates, hours: [secondOf(constraint.start_time), secondOf(constraint.end_time)] }
}

function secondOf(time: string): number {
  const [, hour = 0, minute = 0, second = 0] = /^(\d\d):(\d\d):(\d\d)Z$/.exec(time)?.map(Number) ?? fail(time)
  return hour * 3600 + minute * 60 + second
}

const keys = {
  input: 'input_mtok',
  cached: 'cache_read_mtok',
  write: 'cache_write_mtok',
  write1h: 'cache_write_1h_mtok',
  output: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
} as const

function ratesIn(prices: ModelPrice): Rates {
  const rates = Object.entries(keys).flatMap(([name, key]) => {
    const price = prices[key]
    if (price === undefined) return []
    return [
      [
        name,
        typeof price === 'number' ? price : [price.base, ...price.tiers.flatMap(({ start, price }) => [start, price])],
      ],
    ]
  })
  const requests = prices.requests_kcount
  return { ...Object.fromEntries(rates), ...(typeof requests === 'number' && { request: requests / 1000 }) }
}

function fail(text: string): never {
  throw new Error(`${text} is no time of the day in UTC.`)
}
