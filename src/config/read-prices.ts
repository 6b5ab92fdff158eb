import { readFileSync, statSync } from 'node:fs'
import { OwnPrices } from '../usage/own-prices.ts'
import type { Rates } from '../usage/rates.ts'
import type { Environment } from './environment.ts'

const variable = 'PRICES_FILE'
const maxFileBytes = 4 * 1024 * 1024
const example = '{"prices": {"openai/gpt-5-mini": {"input": 0.25, "output": 2}}}'

/** What the file calls each rate. */
const names = {
  input: 'input',
  cached_input: 'cached',
  cache_write: 'write',
  cache_write_1h: 'write1h',
  output: 'output',
  reasoning: 'reasoning',
  request: 'request',
} as const satisfies Readonly<Record<string, keyof Rates>>

type ReportFault = (problem: string, remedy: string) => void

/** Reads the operator's prices, in US dollars for a million tokens, from a file of JSON or YAML. */
export function readPrices(environment: Environment): OwnPrices {
  const report: ReportFault = (problem, remedy) => environment.report({ variable, problem, remedy })
  const path = environment.text(variable)
  const text = path === undefined ? undefined : readFile(path, report)
  if (text === undefined) return new OwnPrices({})
  environment.noteFile(variable, text)
  const prices = pricesIn(text)
  if (!prices) report('names a file that has no prices', `for example ${example}, also as YAML`)
  const entries = Object.entries(prices ?? {}).map(([address, value]) => [address, readRates(address, value, report)])
  return new OwnPrices(Object.fromEntries(entries))
}

function readFile(path: string, report: ReportFault): string | undefined {
  try {
    if (statSync(path).size <= maxFileBytes) return readFileSync(path, 'utf8')
    report('names a file of more than 4 MiB', 'check the path')
  } catch {
    report('names a file that cannot be read', 'check the path and its permissions')
  }
  return undefined
}

/** JSON is YAML too. */
function pricesIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = Bun.YAML.parse(text)
    return isRecord(value) && isRecord(value.prices) ? value.prices : undefined
  } catch {
    return undefined
  }
}

function readRates(address: string, value: unknown, report: ReportFault): Rates {
  const place = `has a problem at "${address}"`
  if (!/^\S{1,300}$/.test(address) || !/[/*]/.test(address))
    report(`${place}: it is not upstream/model`, 'a * stands for any text, for example "ollama/*"')
  if (!isRecord(value) || value.input === undefined) {
    report(`${place}: it has no "input"`, `for example ${example}`)
    return {}
  }
  const rates: Partial<Record<keyof Rates, number>> = {}
  for (const [name, price] of Object.entries(value)) {
    const known = Object.entries(names).find(([one]) => one === name)?.[1]
    if (!known) report(`${place}: "${name}" is no price`, `one of ${Object.keys(names).join(', ')}`)
    else if (typeof price !== 'number' || !(price >= 0 && price <= 1e6))
      report(`${place}: "${name}" is no number of US dollars for a million tokens`, 'for example 0.25, or 0')
    else rates[known] = price
  }
  return rates
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
