import type { CountName, Totals } from './counts.ts'
import type { UsageReport } from './report.ts'
import type { PriceSource } from './shipped-prices.ts'

const nanosPerDollar = 1_000_000_000

/** The columns of a report, in their order. */
const columns: readonly (readonly [column: string, read: (totals: Totals) => number | null])[] = [
  ['requests', count('requests')],
  ['failed', count('failed')],
  ['answers', count('answers')],
  ['input_tokens', count('inputTokens')],
  ['cached_tokens', count('cachedTokens')],
  ['missed_tokens', count('missedTokens')],
  ['cache_write_tokens', count('cacheWriteTokens')],
  ['output_tokens', count('outputTokens')],
  ['reasoning_tokens', count('reasoningTokens')],
  ['estimated_answers', count('estimates')],
  ['cost_usd', costOf],
  ['unknown_costs', count('unknownCosts')],
  ['saved_usd', (totals) => totals.of('savedNanos') / nanosPerDollar],
]

function count(name: CountName): (totals: Totals) => number {
  return (totals) => totals.of(name)
}

/** The sum of the known costs; null if there are answers and the cost of none is known. */
function costOf(totals: Totals): number | null {
  const answers = totals.of('answers')
  return answers > 0 && totals.of('unknownCosts') === answers ? null : totals.of('costNanos') / nanosPerDollar
}

type EncodedLine = Readonly<Record<string, string | number | null>>

/** A report as JSON. Costs are in US dollars. */
export interface EncodedReport {
  readonly object: 'usage'
  readonly from: string
  readonly to: string
  readonly by: string
  readonly prices: PriceSource
  readonly data: readonly EncodedLine[]
  readonly total: EncodedLine
}

export function encodeReport({ from, to, by, lines, total }: UsageReport, prices: PriceSource): EncodedReport {
  return {
    ...{ object: 'usage', from, to, by, prices },
    data: lines.map(({ name, totals }) => ({ [by]: name, ...encodeTotals(totals) })),
    total: encodeTotals(total),
  }
}

/** Reads the JSON of a report, as another process sent it; undefined if it is none. */
export function readReport(value: unknown): EncodedReport | undefined {
  if (!isRecord(value) || value.object !== 'usage' || !Array.isArray(value.data)) return undefined
  const { from, to, by, prices } = value
  if (!isRecord(prices)) return undefined
  return {
    object: 'usage',
    ...{ from: String(from), to: String(to), by: String(by) },
    prices: { package: String(prices.package), version: String(prices.version), date: String(prices.date) },
    data: value.data.map(readLine),
    total: readLine(value.total),
  }
}

function readLine(value: unknown): EncodedLine {
  const members = isRecord(value) ? Object.entries(value) : []
  return Object.fromEntries(
    members.flatMap(([name, one]) =>
      typeof one === 'string' || typeof one === 'number' || one === null ? [[name, one]] : [],
    ),
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function encodeTotals(totals: Totals): EncodedLine {
  return Object.fromEntries(columns.map(([column, read]) => [column, read(totals)]))
}

/** A report as rows of texts, the names of the columns first. An unknown cost is empty. */
export function rowsOf({ by, data }: Pick<EncodedReport, 'by' | 'data'>): readonly (readonly string[])[] {
  const head = [by, ...columns.map(([column]) => column)]
  return [head, ...data.map((line) => head.map((column) => textOf(line[column])))]
}

/** Writes a value without an exponent, which not every program reads. */
export function textOf(value: string | number | null | undefined): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(9).replace(/0+$/, '')
  return value ?? ''
}

/** Writes rows as CSV (RFC 4180). Spreadsheets run a text that begins like a formula, so it gets a quote before it. */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')
}

function csvCell(text: string): string {
  const plain = /^[=+@\t\r]|^-(?![\d.]+$)/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
