import { chatRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { type Figure, inTurn, type Row, type Run } from '../figure.ts'
import { peakKib } from '../process-usage.ts'
import { allProxies } from '../proxies.ts'
import { valueRow } from '../rows.ts'
import { startMock } from '../targets.ts'

const clients = 100
const settledMs = 2_000
const mostMs = 20_000
const bytesPerKib = 1_024
const bytesPerMb = 1_000_000

/** Measures the memory of a proxy whose clients have each asked for a stream of 12 MB and do not read. */
export const stuckClients: Figure = { name: 'stuck clients', measure }

async function measure({ proxyCores }: Run): Promise<readonly Row[]> {
  const mock = await startMock()
  try {
    const found = await inTurn(allProxies, 1, async (proxy) => {
      const child = await proxy.start(mock, { cores: proxyCores })
      return peakMb(child).finally(() => child.stop())
    })
    const figure = `highest memory in MB, ${clients} clients that do not read their stream of 12 MB`
    return [valueRow(figure, found, { must: 200 }, { digits: 0, unit: 'MB' })]
  } finally {
    await mock.stop()
  }
}

/** Returns the highest memory, as soon as it has not grown for 2 s. */
async function peakMb({ pid, port }: Child): Promise<number> {
  const closers = await Promise.all(Array.from({ length: clients }, () => askWithoutReading(port)))
  const deadlineMs = performance.now() + mostMs
  let kib = 0
  for (let next = await peakKib(pid); next > kib && performance.now() < deadlineMs; next = await peakKib(pid)) {
    kib = next
    await Bun.sleep(settledMs)
  }
  for (const close of closers) close()
  return (kib * bytesPerKib) / bytesPerMb
}

async function askWithoutReading(port: number): Promise<() => void> {
  const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => {} } })
  socket.pause()
  socket.write(chatRequest('long-flood'))
  return () => socket.terminate()
}
