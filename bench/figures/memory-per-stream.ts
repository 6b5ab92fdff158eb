import { chatRequest } from '../chat-request.ts'
import { type Connection, openStream } from '../connection.ts'
import type { Effort, Figure, Row } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { maxOpenFiles, rssKib } from '../process-usage.ts'
import { startTargets, type Target } from '../targets.ts'

const steps = [1_000, 5_000] as const
/** A quick run has the same number, because the first 100 streams cost some MiB once. */
const warmUpStreams = 200
const openingAtOnce = 50
const openingWithinMs = 20_000
const settleMs = 2_000
/** The proxy has two sockets for each stream: the client's and the upstream's. No other process has more. */
const filesPerStream = 2
const otherFiles = 500
const targetKib = 35

type Growth = { readonly streams: number; readonly kibPerStream: number; readonly failed: number }

export const memoryPerStream: Figure = { name: 'memory per open stream', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  const files = steps.map((step) => effort.count(step) * filesPerStream + otherFiles)
  if ((await maxOpenFiles()) < Math.max(...files)) throw new Error(`needs ulimit -n ${Math.max(...files)}`)
  await using targets = await startTargets()
  const bare = await growth(targets.passThrough, effort)
  const ours = await growth(targets.tributary, effort)
  return ours.map((step, index) => ({
    figure: `memory per open stream in KiB, ${step.streams} streams`,
    passThrough: print(bare[index]),
    tributary: print(step),
    target: `<= ${targetKib}, none failing`,
    isMet: step.kibPerStream <= targetKib && step.failed === 0,
  }))
}

async function growth(target: Target, effort: Effort): Promise<readonly Growth[]> {
  const streams: Connection[] = []
  await openMore(target, warmUpStreams, streams)
  for (const stream of streams.splice(0)) stream.close()
  await Bun.sleep(settleMs)
  const idleKib = await rssKib(target.pid)
  const found: Growth[] = []
  for (const step of steps) {
    const count = effort.count(step)
    await openMore(target, count - streams.length, streams)
    await Bun.sleep(settleMs)
    const kibPerStream = ((await rssKib(target.pid)) - idleKib) / count
    found.push({ streams: count, kibPerStream, failed: count - streams.filter((stream) => stream.isBusy).length })
  }
  for (const stream of streams) stream.close()
  return found
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
