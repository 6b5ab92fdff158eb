import { chatRequest } from '../chat-request.ts'
import { Connection } from '../connection.ts'
import { type Effort, type Figure, interleave, pairwise, type Row } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const lanes = 64
/** Milliseconds that one stream takes: 50 tokens, 5 ms apart. */
const streamMs = 250
const shares = [
  { name: 'median', share: 0.5, targetMs: 0.4 },
  { name: 'p99', share: 0.99, targetMs: 2 },
] as const

export const firstToken: Figure = { name: 'time to first token', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  await using targets = await startTargets()
  const { direct, passThrough, tributary } = targets
  const times = await interleave([direct, passThrough, tributary], effort.rounds(6), (target) =>
    firstTokenTimes(target, effort.windowMs(2_000)),
  )
  return shares.map(({ name, share, targetMs }) => {
    const of = (rounds: readonly (readonly number[])[]): readonly number[] =>
      rounds.map((round) => quantile(round, share))
    const added = median(pairwise(of(times.tributary), of(times.direct), (ours, bare) => ours - bare))
    return {
      figure: `time to first token in ms, ${name}, ${lanes} streams paced 5 ms`,
      direct: median(of(times.direct)).toFixed(2),
      passThrough: median(of(times['pass-through'])).toFixed(2),
      tributary: median(of(times.tributary)).toFixed(2),
      comparison: `+ ${added.toFixed(2)}`,
      target: `<= + ${targetMs}`,
      isMet: added <= targetMs,
    }
  })
}

/**
 * Runs short streams in 64 lanes, one after the other. The starts are spread, so each stream starts while 63 others
 * run.
 */
async function firstTokenTimes(target: Target, windowMs: number): Promise<readonly number[]> {
  const request = chatRequest('short-5ms')
  const times: number[] = []
  const deadlineMs = performance.now() + streamMs + windowMs
  await runLanes(lanes, async (lane) => {
    const connection = await Connection.open(target.port)
    await Bun.sleep((lane / lanes) * streamMs)
    await connection.request(request) // not measured, because other lanes are still starting
    while (performance.now() < deadlineMs) {
      const { firstTokenMs } = await connection.request(request)
      times.push(firstTokenMs)
    }
    connection.close()
  })
  return times
}
