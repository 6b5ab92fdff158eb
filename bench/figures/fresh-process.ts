import { chatRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { type Figure, inTurn, mapRounds, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendCount } from '../load.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { allProxies, type ProxyServer } from '../proxies.ts'
import { ratioRow } from '../rows.ts'
import { startMock } from '../targets.ts'

const connections = 32
const processes = 5

/** The CPU time of the requests of one process, in microseconds a request. */
type Life = { readonly first500: number; readonly first2000: number; readonly after10000: number }

export const freshProcess: Figure = { name: 'CPU a JSON request, fresh process', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const count = run.rounds(processes)
  const mock = await startMock()
  try {
    const lives = await inTurn(allProxies, count, (proxy) => liveOnce(proxy, mock, run))
    const named = (part: string): string => `CPU a JSON request in µs, ${part}, ${count} fresh processes`
    return [
      ratioRow(
        named('the first 500'),
        mapRounds(lives, (life) => life.first500),
        { must: 3, aim: 1.7 },
      ),
      ratioRow(
        named('the first 2,000'),
        mapRounds(lives, (life) => life.first2000),
        { must: 2, aim: 1.1 },
      ),
      ratioRow(
        named('after 10,000'),
        mapRounds(lives, (life) => life.after10000),
        { must: 1.8, aim: 1 },
      ),
    ]
  } finally {
    await mock.stop()
  }
}

/** Starts a proxy and measures its first 12,000 requests. */
async function liveOnce(proxy: ProxyServer, mock: Child, { proxyCores }: Run): Promise<Life> {
  const child = await proxy.start(mock, { cores: proxyCores })
  try {
    const opened = await openConnections(child.port, connections)
    const cpuUsOf = (requests: number): Promise<number> =>
      cpuUsDuring(child.pid, () => sendCount(opened, chatRequest('json'), requests))
    const first500Us = await cpuUsOf(500)
    const next1500Us = await cpuUsOf(1_500)
    await cpuUsOf(8_000)
    const last2000Us = await cpuUsOf(2_000)
    closeAll(opened)
    return { first500: first500Us / 500, first2000: (first500Us + next1500Us) / 2_000, after10000: last2000Us / 2_000 }
  } finally {
    await child.stop()
  }
}
