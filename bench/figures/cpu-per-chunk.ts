import { chatRequest } from '../chat-request.ts'
import { Connection, openStream } from '../connection.ts'
import { type Figure, interleave, type Row, type Run } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { closeAll } from '../load.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { ratioRow } from '../rows.ts'
import { startTargets, type Target } from '../targets.ts'

const pacedStreams = 64
const burstStreams = 16
const settleMs = 300

export const cpuPerChunk: Figure = { name: 'CPU a relayed chunk', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run)
  const over = (cost: (target: Target) => Promise<number>) => interleave(targets.proxies, run.rounds(6), cost)
  const paced = await over((target) => pacedUs(target, chatRequest('paced-5ms'), run.windowMs(2_500)))
  const flood = await over((target) => pacedUs(target, chatRequest('paced-1ms'), run.windowMs(1_500)))
  const burst = await over((target) => burstUs(target, run.windowMs(1_000)))
  return [
    ratioRow(`CPU a chunk in µs, ${pacedStreams} streams each 5 ms`, paced, { must: 1.6, aim: 1.2 }, 1),
    ratioRow(`CPU a chunk in µs, a flood: ${pacedStreams} streams each 1 ms`, flood, { must: 1.1, aim: 0.8 }, 1),
    ratioRow(`CPU a chunk in µs, all at once: ${burstStreams} streams of 5,000`, burst, undefined, 2),
  ]
}

/** Returns the CPU time in microseconds for each chunk that the client received in the window. */
export async function pacedUs(target: Target, request: Buffer, windowMs: number): Promise<number> {
  const connections: Connection[] = []
  let chunks = 0
  const count = (tokens: number): void => {
    chunks += tokens
  }
  await runLanes(pacedStreams, async () => {
    connections.push(await openStream(target.port, request, count))
  })
  await Bun.sleep(settleMs)
  const chunksBefore = chunks
  const spentUs = await cpuUsDuring(target.pid, () => Bun.sleep(windowMs))
  const relayed = chunks - chunksBefore
  closeAll(connections)
  return spentUs / relayed
}

/** Returns the same for streams that the mock sends as fast as they are read, one after the other on each lane. */
async function burstUs(target: Target, windowMs: number): Promise<number> {
  const request = chatRequest('flood')
  const deadlineMs = performance.now() + windowMs
  let chunks = 0
  const spentUs = await cpuUsDuring(target.pid, () =>
    runLanes(burstStreams, async () => {
      const connection = await Connection.open(target.port)
      while (performance.now() < deadlineMs) {
        const { tokens } = await connection.request(request)
        chunks += tokens
      }
      connection.close()
    }),
  )
  return spentUs / chunks
}
