import { chatRequest } from '../chat-request.ts'
import { type Connection, openStream } from '../connection.ts'
import { type Figure, mapTargets, type Row, type Run } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { closeAll } from '../load.ts'
import { maxOpenFiles, rssKib } from '../process-usage.ts'
import { judge } from '../rows.ts'
import { startTargets, type Target } from '../targets.ts'

const stepCounts = [1_000, 5_000] as const
/** A quick run has the same number, because the first 100 streams cost some MiB once. */
const warmUpStreams = 200
const openingAtOnce = 50
const openingWithinMs = 20_000
const settleMs = 2_000
const restMs = 5_000
const kibPerMib = 1_024
/** The proxy has two sockets for each stream: the client's and the upstream's. No other process has more. */
const filesPerStream = 2
const otherFiles = 500
const goal = { must: 20, aim: 14 }

type Growth = { readonly kibPerStream: number; readonly failed: number }
/** What was found at each step, and the memory that is left when all streams are closed. */
type Found = { readonly steps: readonly Growth[]; readonly keptMib: number }

export const memoryPerStream: Figure = { name: 'memory an open stream', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const counts = stepCounts.map((count) => run.count(count))
  const files = Math.max(...counts) * filesPerStream + otherFiles
  if ((await maxOpenFiles()) < files) throw new Error(`needs ulimit -n ${files}`)
  await using targets = await startTargets(run)
  const found = new Map<string, Found>()
  for (const target of targets.proxies) found.set(target.name, await growth(target, counts))
  const rows = counts.map((streams, step) => rowOf(streams, step, found))
  const kept = mapTargets(found, ({ keptMib }) => keptMib.toFixed(1))
  return [...rows, { figure: `memory in MiB over idle, ${restMs / 1_000} s after the last stream`, values: kept }]
}

function rowOf(streams: number, step: number, found: ReadonlyMap<string, Found>): Row {
  const ours = found.get('tributary')?.steps[step]
  const judged = judge(ours?.kibPerStream, goal, { digits: 1, unit: 'KiB' })
  return {
    figure: `memory an open stream in KiB, ${streams} streams`,
    values: mapTargets(found, ({ steps }) => print(steps[step])),
    ...judged,
    isMet: judged.isMet === true && ours?.failed === 0,
  }
}

async function growth(target: Target, counts: readonly number[]): Promise<Found> {
  const streams: Connection[] = []
  await openMore(target, warmUpStreams, streams)
  closeAll(streams.splice(0))
  await Bun.sleep(settleMs)
  const idleKib = await rssKib(target.pid)
  const steps: Growth[] = []
  for (const count of counts) {
    await openMore(target, count - streams.length, streams)
    await Bun.sleep(settleMs)
    const kibPerStream = ((await rssKib(target.pid)) - idleKib) / count
    steps.push({ kibPerStream, failed: count - streams.filter((stream) => stream.isBusy).length })
  }
  closeAll(streams)
  await Bun.sleep(restMs)
  return { steps, keptMib: ((await rssKib(target.pid)) - idleKib) / kibPerMib }
}

/** Opens more streams. A stream that is not open after 20 s has failed. */
async function openMore(target: Target, count: number, streams: Connection[]): Promise<void> {
  const deadlineMs = performance.now() + openingWithinMs
  const opening = runCount(count, openingAtOnce, async () => {
    if (performance.now() > deadlineMs) return
    const stream = await openStream(target.port, chatRequest('first-then-silent')).catch(() => undefined)
    if (performance.now() > deadlineMs) stream?.close()
    else if (stream) streams.push(stream)
  })
  await Promise.race([opening, Bun.sleep(openingWithinMs)])
}

function print(growth: Growth | undefined): string {
  if (!growth) return '–'
  const failed = growth.failed > 0 ? ` (${growth.failed} failed)` : ''
  return growth.kibPerStream.toFixed(1) + failed
}
