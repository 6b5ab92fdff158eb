import { chatRequest } from '../chat-request.ts'
import { Connection } from '../connection.ts'
import { type Figure, interleave, mapRounds, mapTargets, pairwise, type Rounds, type Row, type Run } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { mockPanel } from '../mock-scripts.ts'
import { tributary } from '../proxies.ts'
import { judge } from '../rows.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

/** Milliseconds that one stream takes: 50 tokens, 5 ms apart. */
const streamMs = 250
/** Numbers of concurrent panels. */
const loads = [1, 16] as const
const shares = [
  { name: 'p50', share: 0.5, goal: { must: 1 } },
  { name: 'p99', share: 0.99, goal: undefined },
] as const

export const fanOut: Figure = { name: 'fan-out', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run, [tributary])
  const loaded = [targets.direct, ...targets.proxies]
  const rows: Row[] = []
  for (const lanes of loads) {
    const load = { lanes, windowMs: run.windowMs(750) }
    const times = await interleave(loaded, run.rounds(6), async (target) => ({
      alone: await firstTokenTimes(target, mockPanel.members.slice(0, 1), load),
      panel: await firstTokenTimes(target, target.name === 'direct' ? mockPanel.members : [mockPanel.name], load),
    }))
    rows.push(...shares.map((share) => rowOf(share, lanes, times)))
  }
  return rows
}

type Round = { readonly alone: readonly number[]; readonly panel: readonly number[] }

/** Compares a panel with one member that is asked alone, both through the gateway. */
function rowOf({ name, share, goal }: (typeof shares)[number], lanes: number, times: Rounds<Round>): Row {
  const panels = mapRounds(times, ({ panel }) => quantile(panel, share))
  const alone = mapRounds(times, ({ alone }) => quantile(alone, share)).get('tributary') ?? []
  const added = median(pairwise(panels.get('tributary') ?? [], alone, (panel, one) => panel - one))
  return {
    figure: `fan-out: first token of a panel of ${mockPanel.members.length} over one member in ms, ${name}, ${lanes} at once`,
    values: mapTargets(panels, (found, target) => {
      const middle = median(found).toFixed(2)
      return target === 'direct' ? middle : `${middle} (+ ${added.toFixed(2)})`
    }),
    ...(goal && judge(added, goal, { digits: 2, unit: 'ms' })),
  }
}

type Load = { readonly lanes: number; readonly windowMs: number }

/**
 * Asks all models at once, repeatedly, in several lanes whose starts are spread. Returns for each repetition the
 * milliseconds to the first token of any model.
 */
async function firstTokenTimes(
  target: Target,
  models: readonly string[],
  { lanes, windowMs }: Load,
): Promise<readonly number[]> {
  const requests = models.map((model) => chatRequest(model))
  const times: number[] = []
  const deadlineMs = performance.now() + streamMs + windowMs
  await runLanes(lanes, async (lane) => {
    const asked = await Promise.all(
      requests.map(async (request) => ({ request, connection: await Connection.open(target.port) })),
    )
    const ask = () => Promise.all(asked.map(({ request, connection }) => connection.request(request)))
    await Bun.sleep((lane / lanes) * streamMs)
    await ask() // not measured, because other lanes are still starting
    do {
      const answers = await ask()
      times.push(Math.min(...answers.map(({ firstTokenMs }) => firstTokenMs)))
    } while (performance.now() < deadlineMs)
    for (const { connection } of asked) connection.close()
  })
  return times
}
