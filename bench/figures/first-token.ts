import { chatRequest } from '../chat-request.ts'
import { Connection } from '../connection.ts'
import { type Figure, interleave, mapRounds, pairwise, type Rounds, type Row, type Run } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { judge, withRatio } from '../rows.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const lanes = 64
/** Milliseconds that one stream takes: 50 tokens, 5 ms apart. */
const streamMs = 250
const shares = [
  { name: 'p50', share: 0.5, goal: { must: 2, aim: 1.2 } },
  { name: 'p99', share: 0.99, goal: { must: 10, aim: 3 } },
] as const

export const firstToken: Figure = { name: 'time to first token', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run)
  const times = await interleave([targets.direct, ...targets.proxies], run.rounds(6), (target) =>
    firstTokenTimes(target, chatRequest('short-5ms'), { lanes, windowMs: run.windowMs(2_000) }),
  )
  return shares.map((share) => rowOf(share, times))
}

/** Prints what each proxy adds to the time without a proxy, and its ratio to what the pass-through adds. */
function rowOf({ name, share, goal }: (typeof shares)[number], times: Rounds<readonly number[]>): Row {
  const found = mapRounds(times, (round) => quantile(round, share))
  const direct = found.get('direct') ?? []
  const added = new Map(
    [...found].map(([target, round]) => [target, median(pairwise(round, direct, (whole, bare) => whole - bare))]),
  )
  const ratio = (value: number): number => value / (added.get('pass-through') ?? Number.NaN)
  const values = new Map([...added].map(([target, value]) => [target, `+ ${withRatio(value, ratio(value), 2)}`]))
  values.set('direct', median(direct).toFixed(2))
  return {
    figure: `added time to first token in ms, ${name}, ${lanes} streams each 5 ms`,
    values,
    ...judge(ratio(added.get('tributary') ?? Number.NaN), goal, { digits: 2, unit: '×' }),
  }
}

interface Lanes {
  readonly lanes: number
  readonly windowMs: number
}

/**
 * Runs short streams in lanes, one after the other. The starts are spread, so each stream starts while those of all other
 * lanes run.
 */
export async function firstTokenTimes(
  target: Target,
  request: Buffer,
  { lanes, windowMs }: Lanes,
): Promise<readonly number[]> {
  const times: number[] = []
  const deadlineMs = performance.now() + streamMs + windowMs
  await runLanes(lanes, async (lane) => {
    const connection = await Connection.open(target.port)
    await Bun.sleep((lane / lanes) * streamMs)
    await connection.request(request) // not measured, because other lanes are still starting
    do {
      const { firstTokenMs } = await connection.request(request)
      times.push(firstTokenMs)
    } while (performance.now() < deadlineMs)
    connection.close()
  })
  return times
}
