import { chatRequest } from '../chat-request.ts'
import { Connection } from '../connection.ts'
import { type Effort, type Figure, interleave, pairwise, type Row } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { mockPanel } from '../mock-scripts.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

/** Milliseconds that one stream takes: 50 tokens, 5 ms apart. */
const streamMs = 250
/** Numbers of concurrent panels. */
const loads = [1, 16] as const
const shares = [
  { name: 'median', share: 0.5, targetMs: 1 },
  { name: 'p99', share: 0.99, targetMs: undefined },
] as const

export const fanOut: Figure = { name: 'fan-out', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  await using targets = await startTargets()
  const { direct, tributary } = targets
  const rows: Row[] = []
  for (const lanes of loads) {
    const load = { lanes, windowMs: effort.windowMs(750) }
    const times = await interleave([direct, tributary], effort.rounds(6), async (target) => ({
      alone: await firstTokenTimes(target, mockPanel.members.slice(0, 1), load),
      panel: await firstTokenTimes(target, target.name === 'direct' ? mockPanel.members : [mockPanel.name], load),
    }))
    rows.push(...shares.map((share) => rowOf(share, lanes, times)))
  }
  return rows
}

type Round = { readonly alone: readonly number[]; readonly panel: readonly number[] }

/** Compares a panel with one member that is asked alone, both through the gateway. */
function rowOf(
  { name, share, targetMs }: (typeof shares)[number],
  lanes: number,
  times: { readonly direct: readonly Round[]; readonly tributary: readonly Round[] },
): Row {
  const of = (rounds: readonly Round[], what: keyof Round) => rounds.map((round) => quantile(round[what], share))
  const panel = of(times.tributary, 'panel')
  const added = median(pairwise(panel, of(times.tributary, 'alone'), (whole, alone) => whole - alone))
  return {
    figure: `fan-out: first token of a panel of ${mockPanel.members.length} over one member alone in ms, ${name}, ${lanes} at once`,
    direct: median(of(times.direct, 'panel')).toFixed(2),
    tributary: median(panel).toFixed(2),
    comparison: `+ ${added.toFixed(2)}`,
    ...(targetMs !== undefined && { target: `<= + ${targetMs}`, isMet: added <= targetMs }),
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
    while (performance.now() < deadlineMs) {
      const answers = await ask()
      times.push(Math.min(...answers.map(({ firstTokenMs }) => firstTokenMs)))
    }
    for (const { connection } of asked) connection.close()
  })
  return times
}
