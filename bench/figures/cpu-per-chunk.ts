import { chatRequest } from '../chat-request.ts'
import { type Connection, openStream } from '../connection.ts'
import { type Effort, type Figure, interleave, pairwise, type Row } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { cpuNs } from '../process-usage.ts'
import { median } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const streams = 64
const settleMs = 300
const targetRatio = 1.6

export const cpuPerChunk: Figure = { name: 'CPU per relayed chunk', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  await using targets = await startTargets()
  const times = await interleave([targets.passThrough, targets.tributary], effort.rounds(6), (target) =>
    cpuUsPerChunk(target, effort.windowMs(2_500)),
  )
  const ratio = median(pairwise(times.tributary, times['pass-through'], (ours, bare) => ours / bare))
  return [
    {
      figure: `CPU per relayed chunk in µs, ${streams} streams, a chunk each 5 ms`,
      passThrough: median(times['pass-through']).toFixed(1),
      tributary: median(times.tributary).toFixed(1),
      comparison: `x ${ratio.toFixed(2)}`,
      target: `<= ${targetRatio}`,
      isMet: ratio <= targetRatio,
    },
  ]
}

/** Returns the CPU time in microseconds for each chunk that the client received in the window. */
async function cpuUsPerChunk(target: Target, windowMs: number): Promise<number> {
  const connections: Connection[] = []
  let chunks = 0
  const count = (tokens: number): void => {
    chunks += tokens
  }
  await runLanes(streams, async () => {
    connections.push(await openStream(target.port, chatRequest('paced-5ms'), count))
  })
  await Bun.sleep(settleMs)
  const chunksBefore = chunks
  const cpuBefore = await cpuNs(target.pid)
  await Bun.sleep(windowMs)
  const spentUs = ((await cpuNs(target.pid)) - cpuBefore) / 1_000
  const relayed = chunks - chunksBefore
  for (const connection of connections) connection.close()
  return spentUs / relayed
}
