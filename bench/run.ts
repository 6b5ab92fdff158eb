/**
 * `bun run bench [--quick] [--only <part of a figure's name>]` prints one Markdown table of what the gateway costs:
 * docs/measuring.md. The exit code is 0 if everything could be measured, whether or not the goals are met; otherwise it
 * is 1.
 */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { reserveCore } from './cores.ts'
import type { Figure, Row, Run } from './figure.ts'
import { abort } from './figures/abort.ts'
import { cpuPerChunk } from './figures/cpu-per-chunk.ts'
import { fanOut } from './figures/fan-out.ts'
import { firstToken } from './figures/first-token.ts'
import { freshProcess } from './figures/fresh-process.ts'
import { jsonLoad } from './figures/json-load.ts'
import { leak } from './figures/leak.ts'
import { longestStep } from './figures/longest-step.ts'
import { manyKeys } from './figures/many-keys.ts'
import { memoryAfterLoad } from './figures/memory-after-load.ts'
import { memoryPerStream } from './figures/memory-per-stream.ts'
import { modelList } from './figures/model-list.ts'
import { requestSizes } from './figures/request-sizes.ts'
import { start } from './figures/start.ts'
import { stuckClients } from './figures/stuck-clients.ts'
import { surfaces } from './figures/surfaces.ts'
import { type Options, readOptions } from './options.ts'
import { allProxies, tributaryCommand } from './proxies.ts'
import { markdownTable } from './table.ts'

const figures: readonly Figure[] = [
  freshProcess,
  jsonLoad,
  cpuPerChunk,
  firstToken,
  surfaces,
  fanOut,
  memoryPerStream,
  abort,
  start,
  memoryAfterLoad,
  leak,
  stuckClients,
  requestSizes,
  manyKeys,
  modelList,
  longestStep,
]
const figureWithinMs = 300_000

async function run({ isQuick, effort, only }: Options): Promise<void> {
  const isWanted = ({ name, isSlow }: Figure): boolean =>
    only === '' ? !(isQuick && isSlow) : name.toLowerCase().includes(only)
  const chosen = figures.filter(isWanted)
  if (chosen.length === 0) throw new Error(`no figure has '${only}' in its name`)
  const startedAtMs = performance.now()
  const proxyCores = await reserveCore()
  const rows: Row[] = []
  for (const figure of chosen) rows.push(...(await rowsOf(figure, { ...effort, proxyCores })))
  const targets = ['direct', ...allProxies.map(({ name }) => name)]
  console.log(`${await circumstances(proxyCores)}, ${secondsSince(startedAtMs)} s\n\n${markdownTable(rows, targets)}`)
}

/** Measures a figure. If that fails, the figure still gets a row, and the run goes on. */
async function rowsOf(figure: Figure, run: Run): Promise<readonly Row[]> {
  console.error(`measuring: ${figure.name}`)
  const startedAtMs = performance.now()
  try {
    return await Promise.race([figure.measure(run), expiry()])
  } catch (error) {
    complain(`${figure.name}: ${messageOf(error)}`)
    return [{ figure: figure.name, values: new Map([['tributary', 'failed']]) }]
  } finally {
    console.error(`measured in ${secondsSince(startedAtMs)} s`)
  }
}

function secondsSince(startedAtMs: number): string {
  return ((performance.now() - startedAtMs) / 1_000).toFixed(0)
}

async function expiry(): Promise<never> {
  await Bun.sleep(figureWithinMs)
  throw new Error(`not measured within ${figureWithinMs / 1_000} s`)
}

async function circumstances(proxyCores: string | undefined): Promise<string> {
  const command = (await tributaryCommand()).join(' ')
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${proxyCores === undefined ? 'cores not pinned' : 'each proxy on one core'}`
  return `\`${command}\`, Bun ${Bun.version}, ${machine}, load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString()}`
}

function complain(message: string): void {
  console.error(message)
  process.exitCode = 1
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  await run(readOptions(process.argv.slice(2)))
} catch (error) {
  complain(messageOf(error))
}
process.exit()
