import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type EncodedReport, encodeReport, readReport, rowsOf, textOf, toCsv } from '../usage/encode-report.ts'
import { Prices } from '../usage/prices.ts'
import { readQuery } from '../usage/read-query.ts'
import { type ReportQuery, reportUsage } from '../usage/report.ts'
import type { CommandLine } from './command-line.ts'
import { urlOf } from './health.ts'
import { openState } from './open-state.ts'
import { createAsk } from './running-server.ts'
import { table } from './table.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64

/**
 * Prints what the client keys have used. It asks the running server, which has the newest counts, and otherwise reads the stored
 * state.
 */
export async function usage(
  config: Config,
  { line, runtime }: { readonly line: CommandLine; readonly runtime: Runtime },
): Promise<number> {
  let query: ReportQuery
  try {
    if (line.words.length > 1) return fail('Only one key can be named.', usageExit)
    query = readQuery({ ...line.values, key: line.words[0] }, runtime.now())
  } catch (thrown) {
    return fail(`--${asChatError(thrown).message}`, usageExit)
  }
  const report = await askServer(config, runtime, query).then((found) => found ?? readState(config, runtime, query))
  if (typeof report === 'number') return report
  process.stdout.write(line.isJson ? `${JSON.stringify(report, undefined, 2)}\n` : asText(report, line))
  return 0
}

/** @returns the report of the running server, or an exit code; undefined if no server runs there */
async function askServer(
  config: Config,
  runtime: Runtime,
  { by, from, to, key }: ReportQuery,
): Promise<EncodedReport | number | undefined> {
  if (config.port === 0) return undefined
  const query = new URLSearchParams({ by, from, to, ...(key !== undefined && { key }) })
  const answer = await createAsk(config, runtime)('GET', `/admin/usage?${query}`, 30_000).catch(() => undefined)
  if (!answer) return undefined
  const report = answer.status === 200 ? readReport(answer.body) : undefined
  return report ?? fail(`The server at ${urlOf(config)} gives no usage (HTTP ${answer.status}).`, 1)
}

async function readState(config: Config, runtime: Runtime, query: ReportQuery): Promise<EncodedReport | number> {
  if (!config.state.isDurable)
    return fail(`No server answers at ${urlOf(config)}, and this configuration keeps its state in memory only.`, 1)
  const store = await openState(config, runtime)
  if (typeof store === 'number') return store
  try {
    return encodeReport(await reportUsage(store, query), new Prices({ upstreams: [] }).shipped)
  } catch (thrown) {
    return fail(asChatError(thrown).message, 1)
  } finally {
    await store.close()
  }
}

/** The columns that fit on a terminal. The others are in the CSV and the JSON. */
const shown = [
  'requests',
  'failed',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'cost_usd',
  'unknown_costs',
  'saved_usd',
]

function asText(report: EncodedReport, { isCsv }: CommandLine): string {
  const { by, from, to, prices, data, total } = report
  if (isCsv) return toCsv(rowsOf(report))
  const lines = [...data, { ...total, [by]: 'total' }]
  const rows = lines.map((line) => [by, ...shown].map((column) => textOf(line[column]) || 'unknown'))
  const { isTTY, columns } = process.stdout
  const head = [by, ...shown.map((column) => column.replaceAll('_', ' '))]
  return `${from} to ${to} (UTC), prices of ${prices.date}\n${table(head, rows, isTTY ? columns : undefined)}`
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}
