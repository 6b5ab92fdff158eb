import { healthRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { Connection } from '../connection.ts'
import type { Effort, Figure, Row } from '../figure.ts'
import { rssKib } from '../process-usage.ts'
import { median } from '../statistics.ts'
import { startMock, startProxy } from '../targets.ts'

const starts = 10
const idleMs = 2_000
const targetMs = 60
const targetMib = 60

type ProxyName = 'pass-through' | 'tributary'
type Start = { readonly tookMs: number; readonly idleMib: number }

export const start: Figure = { name: 'start and idle RSS', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  const mock = await startMock()
  const bare: Start[] = []
  const ours: Start[] = []
  try {
    for (let round = 0; round < effort.count(starts); round += 1) {
      bare.push(await startOnce('pass-through', mock, round))
      ours.push(await startOnce('tributary', mock, round))
    }
  } finally {
    await mock.stop()
  }
  return rowsOf(bare, ours)
}

/** Measures one start. In the first round it also waits for 2 s and measures the idle memory. */
async function startOnce(name: ProxyName, mock: Child, round: number): Promise<Start> {
  const startedAtMs = performance.now()
  const proxy = await startProxy(name, mock)
  try {
    const connection = await Connection.open(proxy.port)
    await connection.request(healthRequest())
    const tookMs = performance.now() - startedAtMs
    connection.close()
    if (round > 0) return { tookMs, idleMib: Number.NaN }
    await Bun.sleep(idleMs)
    return { tookMs, idleMib: (await rssKib(proxy.pid)) / 1_024 }
  } finally {
    await proxy.stop()
  }
}

function rowsOf(bare: readonly Start[], ours: readonly Start[]): readonly Row[] {
  const middle = (starts: readonly Start[]): number => median(starts.map(({ tookMs }) => tookMs))
  const idle = ([first]: readonly Start[]): number => first?.idleMib ?? Number.NaN
  return [
    {
      figure: `start to first 200 on /health in ms, median of ${ours.length}`,
      passThrough: middle(bare).toFixed(0),
      tributary: middle(ours).toFixed(0),
      target: `<= ${targetMs}`,
      isMet: middle(ours) <= targetMs,
    },
    {
      figure: 'idle RSS after 2 s in MiB',
      passThrough: idle(bare).toFixed(0),
      tributary: idle(ours).toFixed(0),
      target: `<= ${targetMib}`,
      isMet: idle(ours) <= targetMib,
    },
  ]
}
