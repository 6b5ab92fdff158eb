import { chatRequest } from '../chat-request.ts'
import { type Figure, inTurn, mapRounds, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendFor } from '../load.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { ratioRow } from '../rows.ts'
import { startTargets, type Target } from '../targets.ts'

const connections = 64
const warmUpMs = 4_000

type Load = { readonly cpuUs: number; readonly requestsPerSecond: number }

export const jsonLoad: Figure = { name: 'JSON requests under load', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run)
  const loaded = [targets.direct, ...targets.proxies]
  for (const target of loaded) await load(target, warmUpMs)
  const found = await inTurn(loaded, run.rounds(5), (target) => load(target, run.windowMs(2_000)))
  const cpuUs = mapRounds(found, ({ cpuUs }) => cpuUs)
  const rates = mapRounds(found, ({ requestsPerSecond }) => requestsPerSecond)
  const named = (what: string): string => `${what}, ${connections} connections, after ${warmUpMs / 1_000} s of load`
  return [
    ratioRow(named('CPU a JSON request in µs'), cpuUs, { must: 2.5, aim: 1.3 }),
    ratioRow(named('JSON requests/s'), rates, { must: 0.4, aim: 0.8, moreIsBetter: true }),
  ]
}

async function load(target: Target, windowMs: number): Promise<Load> {
  const opened = await openConnections(target.port, connections)
  const startedAtMs = performance.now()
  let answered = 0
  const spentUs = await cpuUsDuring(target.pid, async () => {
    answered = await sendFor(opened, chatRequest('json'), windowMs)
  })
  const tookMs = performance.now() - startedAtMs
  closeAll(opened)
  return { cpuUs: spentUs / answered, requestsPerSecond: (answered / tookMs) * 1_000 }
}
