/**
 * `bun run bench [--quick] [--only <part of a figure's name>]` prints one Markdown table of what the gateway costs.
 *
 * Three targets get the same load: `direct` is the mock upstream itself (mock-upstream.ts), `pass-through` the least a
 * proxy on Bun can do (pass-through.ts), `tributary` the gateway: `dist/tributary` if it is built, else `src/main.ts`,
 * or the command in `BENCH_TARGET_COMMAND`. Each figure starts all of them afresh, on free ports of 127.0.0.1; the load
 * comes from this process over raw TCP. The targets are measured in turn, A B C A B C …, after a round that is dropped;
 * ratios and differences are taken round by round and their median is printed, for the machine is never quiet.
 *
 * - JSON requests per second: 64 connections that each send the next request when the last is answered. Where `taskset`
 *   exists each proxy has one core for itself, and the mock and this process have the others.
 * - Time to first token: 64 lanes of short streams (50 tokens, 5 ms apart) one after the other, staggered, so that each
 *   starts while 63 others run. From the request's sending to the read that holds the first token.
 * - Fan-out: first token of a panel of three models, against one of them asked alone, both through the gateway; `direct` is
 *   the first of three requests sent to the mock at once. A panel's header does not count, only what a member said.
 * - CPU per relayed chunk: 64 streams paced 5 ms. CPU time of all the proxy's threads (schedstat, in nanoseconds) divided by
 *   the chunks that this process received meanwhile. Bun's timers fire once a millisecond, so a dozen streams' chunks come
 *   at a time; were they spread, waking up would cost both proxies more and the ratio would be lower.
 * - Memory per open stream: what RSS has grown by since before, with N streams open of which each has had its first token
 *   and nothing since, divided by N. After 200 streams of warm-up; 2 s to settle.
 * - Client abort to upstream close: from closing the client's socket to the moment at which the mock sees its own
 *   connection closed. 8 at a time, in three phases of the upstream.
 * - Leak slope: least squares over the RSS after each of five rounds of 5,000 requests (a third JSON, a third streamed, a
 *   third aborted), each 2 s after its end; after 10,000 of the same. With 1,000 the bare proxy's own noise is ± 1 KiB.
 * - Longest step of a large message: CPU time of the main thread between two turns of the gateway's event loop
 *   (heartbeat.ts), the longest while a large request or reply passes (large-messages.ts), after one that warms up; and the
 *   most memory that was resident since, less what was at the start. The gateway runs from its source here.
 * - Start and idle RSS: from spawning to the first 200 on /health, and RSS 2 s after it.
 *
 * The exit code is 0 when everything could be measured, whether or not the targets are met, else 1.
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

/** A figure that cannot be measured has a row too, and the others are still measured. */
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
