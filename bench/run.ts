/**
 * `bun run bench [--quick] [--only <part of a figure's name>]` prints one Markdown table of what the gateway costs.
 *
 * Three targets get the same load: `direct` is the mock upstream itself (mock-upstream.ts), `pass-through` is the
 * simplest possible proxy on Bun (pass-through.ts), and `tributary` is the gateway: `dist/tributary` if it is built,
 * otherwise `src/main.ts`, or the command in `BENCH_TARGET_COMMAND`. Each figure starts new processes, on free ports of
 * 127.0.0.1. The load comes from this process over raw TCP. The targets are measured in turn, A B C A B C …, after a
 * round that is dropped. Ratios and differences are computed for each round, and their median is printed, because the
 * machine also does other work.
 *
 * - JSON requests per second: 64 connections, each of which sends its next request when the last one is answered. If
 *   `taskset` exists, each proxy has its own core, and the mock and this process have the others.
 * - Time to first token: 64 lanes of short streams (50 tokens, 5 ms apart), one after the other. Their starts are
 *   spread, so that each stream starts while 63 others run. The time runs from sending the request to the read with the
 *   first token.
 * - Fan-out: the first token of a panel of three models, compared with one of them asked alone, both through the
 *   gateway. `direct` is the first token of three requests that are sent to the mock at once. The header of a panel
 *   does not count, only the text of a member.
 * - CPU per relayed chunk: 64 streams with a chunk every 5 ms. The CPU time of all the proxy's threads (schedstat, in
 *   nanoseconds) is divided by the number of chunks that this process received meanwhile. Bun's timers fire once a
 *   millisecond, so the chunks of a dozen streams come together. If they came separately, both proxies would need more
 *   CPU time to wake up, and the ratio would be lower.
 * - Memory per open stream: the growth of the RSS with N open streams, divided by N. Each stream has had its first
 *   token and nothing since. 200 streams warm up before, and there are 2 s to settle.
 * - Client abort to upstream close: the time from closing the client's socket until the mock sees that its own
 *   connection is closed. There are 8 at a time, in three phases of the upstream.
 * - Leak slope: the least squares over the RSS, 2 s after each of five rounds of 5,000 requests (a third JSON, a third
 *   streamed, a third aborted). 10,000 such requests come before. With 1,000 the noise of the bare proxy is ± 1 KiB.
 * - Longest step of a large message: the longest CPU time of the main thread between two turns of the gateway's event
 *   loop (heartbeat.ts), while a large request or reply passes (large-messages.ts) and after one that warms up. Also
 *   the highest resident memory, minus the resident memory at the start. The gateway runs from its source here.
 * - Start and idle RSS: the time from spawning to the first 200 on /health, and the RSS 2 s after it.
 *
 * The exit code is 0 if everything could be measured, whether or not the targets are met; otherwise it is 1.
 */
import { availableParallelism, cpus, loadavg } from 'node:os'
import type { Figure, Row } from './figure.ts'
import { abort } from './figures/abort.ts'
import { cpuPerChunk } from './figures/cpu-per-chunk.ts'
import { fanOut } from './figures/fan-out.ts'
import { firstToken } from './figures/first-token.ts'
import { jsonThroughput } from './figures/json-throughput.ts'
import { leak } from './figures/leak.ts'
import { longestStep } from './figures/longest-step.ts'
import { memoryPerStream } from './figures/memory-per-stream.ts'
import { start } from './figures/start.ts'
import { type Options, readOptions } from './options.ts'
import { markdownTable } from './table.ts'
import { tributaryCommand } from './targets.ts'

const figures: readonly Figure[] = [
  jsonThroughput,
  firstToken,
  fanOut,
  cpuPerChunk,
  memoryPerStream,
  abort,
  leak,
  longestStep,
  start,
]
const figureWithinMs = 120_000

async function run(options: Options): Promise<void> {
  const chosen = figures.filter(({ name }) => name.toLowerCase().includes(options.only))
  if (chosen.length === 0) throw new Error(`no figure has '${options.only}' in its name`)
  const startedAtMs = performance.now()
  const rows: Row[] = []
  for (const figure of chosen) rows.push(...(await rowsOf(figure, options)))
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0)
  console.log(`${await circumstances()}, ${seconds} s\n\n${markdownTable(rows)}`)
}

/** Measures a figure. If that fails, the figure still gets a row, and the run goes on. */
async function rowsOf(figure: Figure, { effort }: Options): Promise<readonly Row[]> {
  console.error(`measuring: ${figure.name}`)
  try {
    return await Promise.race([figure.measure(effort), expiry()])
  } catch (error) {
    complain(`${figure.name}: ${messageOf(error)}`)
    return [{ figure: figure.name, tributary: 'failed' }]
  }
}

async function expiry(): Promise<never> {
  await Bun.sleep(figureWithinMs)
  throw new Error(`not measured within ${figureWithinMs / 1_000} s`)
}

async function circumstances(): Promise<string> {
  const command = (await tributaryCommand()).join(' ')
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`
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
