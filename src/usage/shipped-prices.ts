import { readFileSync } from 'node:fs'
import { type ModelMatch, matches } from './model-match.ts'
import type { RateList } from './rates.ts'
import path from './shipped-prices.txt' with { type: 'file' }

/** Where the prices that the program has with it are from, and the day on which that package was published. */
export interface PriceSource {
  readonly package: string
  readonly version: string
  /** In UTC: `2026-09-23`. */
  readonly date: string
}

/** A service of the file. */
interface Service {
  readonly id: string
  /** A regular expression for the beginning of its base URL. */
  readonly url: string
  /** Services whose prices count for a model that this one does not list. */
  readonly others: readonly string[]
}

/** A model of the file. Its price is unknown if the list is empty. */
type ModelRow = readonly [match: ModelMatch, rates: RateList]

/**
 * The file has a line for its source, and then one for each service: the service, a tab, and its models. It is read and
 * forgotten again when a price is looked up, and only the models of one service are parsed, because all of them would take
 * twenty megabytes of memory (docs/decisions/0081-prices.md).
 */
function lines(): readonly string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}

export function shippedSource(): PriceSource {
  return JSON.parse(lines()[0] ?? '')
}

/**
 * Finds the rates of a model at a service.
 * @param url the base URL of the service
 * @param model in any case, with or without a date
 */
export function shippedRates(url: string, model: string): RateList | undefined {
  const services = lines().slice(1)
  const found = services.find((line) => new RegExp(`^(?:${serviceIn(line).url})`).test(url))
  if (found === undefined) return undefined
  const { others } = serviceIn(found)
  const asked = [found, ...others.flatMap((id) => services.filter((line) => serviceIn(line).id === id))]
  const name = model.toLowerCase().trim()
  for (const spelling of new Set([name, withDashes(name)])) {
    const row = firstOf(asked, (line) => modelsIn(line).find(([match]) => matches(match, spelling)))
    if (row) return row[1].length > 0 ? row[1] : undefined
  }
  return undefined
}

function serviceIn(line: string): Service {
  return JSON.parse(line.slice(0, line.indexOf('\t')))
}

function modelsIn(line: string): readonly ModelRow[] {
  return JSON.parse(line.slice(line.indexOf('\t') + 1))
}

function firstOf<Item, Found>(items: readonly Item[], find: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Writes a date as most services do: `claude-opus-4-20250514` becomes `claude-opus-4-2025-05-14`. */
function withDashes(name: string): string {
  return name.replace(/-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, '-$1-$2-$3')
}
