import { chatRequest } from '../chat-request.ts'
import { Connection } from '../connection.ts'
import { findPinning, moveTo } from '../cores.ts'
import { type Effort, type Figure, interleave, pairwise, type Row } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { median } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const connections = 64
const targetRatio = 0.7

export const jsonThroughput: Figure = { name: 'JSON requests per second', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  const pinning = await findPinning()
  const moveBack = pinning && (await moveTo(pinning.others))
  try {
    await using targets = await startTargets(pinning?.proxy)
    const { direct, passThrough, tributary } = targets
    const rates = await interleave([direct, passThrough, tributary], effort.rounds(5), (target) =>
      requestsPerSecond(target, effort.windowMs(2_000)),
    )
    return [rowOf(rates, pinning ? 'each proxy on one core' : 'cores not pinned')]
  } finally {
    moveBack?.()
  }
}

async function requestsPerSecond(target: Target, windowMs: number): Promise<number> {
  const request = chatRequest('json')
  const startedAtMs = performance.now()
  let answered = 0
  await runLanes(connections, async () => {
    const connection = await Connection.open(target.port)
    while (performance.now() - startedAtMs < windowMs) {
      await connection.request(request)
      answered += 1
    }
    connection.close()
  })
  return (answered / (performance.now() - startedAtMs)) * 1_000
}

function rowOf(rates: Awaited<ReturnType<typeof interleave<number>>>, how: string): Row {
  const ratio = median(pairwise(rates.tributary, rates['pass-through'], (ours, bare) => ours / bare))
  return {
    figure: `JSON requests/s, ${connections} connections, ${how}`,
    direct: median(rates.direct).toFixed(0),
    passThrough: median(rates['pass-through']).toFixed(0),
    tributary: median(rates.tributary).toFixed(0),
    comparison: `x ${ratio.toFixed(2)}`,
    target: `>= ${targetRatio}`,
    isMet: ratio >= targetRatio,
  }
}
