import { type Figure, interleave, pairwise, type Rounds, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendFor } from '../load.ts'
import { mockModels } from '../mock-scripts.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { tributary } from '../proxies.ts'
import { judge, withRatio } from '../rows.ts'
import { median, quantile } from '../statistics.ts'
import { startMock, type Target } from '../targets.ts'
import { upstreamsAt, type Way, ways } from '../ways.ts'
import { pacedUs } from './cpu-per-chunk.ts'
import { firstTokenTimes } from './first-token.ts'

const connections = 32
/** So few that no stream waits for a core: the time in a queue would be measured otherwise. */
const lanes = 16
/** What a way may cost beside chat completions, if the client and the upstream speak the same dialect. */
const equalGoal = { must: 1.15, aim: 1 }

/** A way is measured like a target. All of them go through the same process. */
type MeasuredWay = Target & { readonly way: Way }

/** Compares the surfaces with chat completions, in the same process and in the same rounds. */
export const surfaces: Figure = { name: 'surfaces', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const mock = await startMock()
  const environment = upstreamsAt(mock, mockModels)
  const gateway = await tributary.start(mock, { cores: run.proxyCores, environment })
  const { port, pid } = gateway
  try {
    const targets = ways.map((way): MeasuredWay => ({ name: way.name, port, pid, way }))
    const over = (cost: (target: MeasuredWay) => Promise<number>) => interleave(targets, run.rounds(6), cost)
    return [
      ...rowsOf('CPU a JSON request in µs', await over((target) => jsonUs(target, run.windowMs(1_000))), 0),
      ...rowsOf('CPU a chunk in µs', await over((target) => chunkUs(target, run.windowMs(1_500))), 1),
      ...rowsOf('time to first token in ms, p50', await over((target) => firstMs(target, run.windowMs(1_000))), 2),
    ]
  } finally {
    await gateway.stop()
    await mock.stop()
  }
}

async function jsonUs({ port, pid, way }: MeasuredWay, windowMs: number): Promise<number> {
  const opened = await openConnections(port, connections)
  let answered = 0
  const spentUs = await cpuUsDuring(pid, async () => {
    answered = await sendFor(opened, way.request('json', false), windowMs)
  })
  closeAll(opened)
  return spentUs / answered
}

function chunkUs(target: MeasuredWay, windowMs: number): Promise<number> {
  return pacedUs(target, target.way.request('paced-5ms', true), windowMs)
}

async function firstMs(target: MeasuredWay, windowMs: number): Promise<number> {
  return quantile(await firstTokenTimes(target, target.way.request('short-5ms', true), { lanes, windowMs }), 0.5)
}

/** A row for each way but the first, which the others are compared with. */
function rowsOf(figure: string, found: Rounds<number>, digits: number): readonly Row[] {
  const [first, ...others] = ways
  const base = found.get(first.name) ?? []
  const baseRow = { figure: `${figure}, ${first.name}`, values: new Map([['tributary', median(base).toFixed(digits)]]) }
  return [
    baseRow,
    ...others.map(({ name, isEqual }) => {
      const rounds = found.get(name) ?? []
      const ratio = median(pairwise(rounds, base, (cost, chat) => cost / chat))
      const values = new Map([['tributary', withRatio(median(rounds), ratio, digits)]])
      const row = { figure: `${figure}, ${name}`, values }
      return isEqual ? { ...row, ...judge(ratio, equalGoal, { digits: 2, unit: '×' }) } : row
    }),
  ]
}
