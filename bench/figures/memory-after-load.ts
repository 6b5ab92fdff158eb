import { chatRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { openStream } from '../connection.ts'
import { type Figure, inTurn, mapRounds, type Row, type Run } from '../figure.ts'
import { runLanes } from '../lanes.ts'
import { closeAll, openConnections, sendFor } from '../load.ts'
import { rssMib } from '../process-usage.ts'
import { allProxies, type ProxyServer } from '../proxies.ts'
import { valueRow } from '../rows.ts'
import { median } from '../statistics.ts'
import { startMock } from '../targets.ts'

const connections = 64
const wholeLoadMs = 4_000
const idleMs = 2_000
const restMs = 5_000
const aimedGrowthMib = 5
const mebibytes = { digits: 0, unit: 'MiB' } as const

export const memoryAfterLoad: Figure = { name: 'memory, idle and after load', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const mock = await startMock()
  try {
    const loadMs = run.windowMs(wholeLoadMs)
    const found = await inTurn(allProxies, run.count(3), (proxy) => liveOnce(proxy, mock, { ...run, loadMs }))
    const idle = mapRounds(found, ({ idleMib }) => idleMib)
    const loaded = mapRounds(found, ({ loadedMib }) => loadedMib)
    const aim = Math.round(median(idle.get('tributary') ?? [])) + aimedGrowthMib
    const load = `${loadMs / 1_000} s of JSON requests, ${loadMs / 1_000} s of streams`
    return [
      valueRow('idle memory in MiB', idle, { must: 50, aim: 42 }, mebibytes),
      valueRow(`memory in MiB ${restMs / 1_000} s after ${load}`, loaded, { must: 90, aim }, mebibytes),
    ]
  } finally {
    await mock.stop()
  }
}

async function liveOnce(proxy: ProxyServer, mock: Child, { proxyCores, loadMs }: Run & { readonly loadMs: number }) {
  const child = await proxy.start(mock, { cores: proxyCores })
  try {
    await Bun.sleep(idleMs)
    const idleMib = await rssMib(child.pid)
    const opened = await openConnections(child.port, connections)
    await sendFor(opened, chatRequest('json'), loadMs)
    closeAll(opened)
    await streamFor(child.port, loadMs)
    await Bun.sleep(restMs)
    return { idleMib, loadedMib: await rssMib(child.pid) }
  } finally {
    await child.stop()
  }
}

async function streamFor(port: number, windowMs: number): Promise<void> {
  await runLanes(connections, async () => {
    const stream = await openStream(port, chatRequest('paced-5ms'))
    await Bun.sleep(windowMs)
    stream.close()
  })
}
