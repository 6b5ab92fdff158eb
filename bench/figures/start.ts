import { type Figure, inTurn, type Row, type Run } from '../figure.ts'
import { allProxies } from '../proxies.ts'
import { valueRow } from '../rows.ts'
import { startMock } from '../targets.ts'
import { timedStart } from '../timed-start.ts'

const starts = 10

export const start: Figure = { name: 'start', measure }

async function measure({ rounds, proxyCores }: Run): Promise<readonly Row[]> {
  const times = rounds(starts)
  const mock = await startMock()
  try {
    const found = await inTurn(allProxies, times, async (proxy) => {
      const { child, tookMs } = await timedStart(proxy, mock, { cores: proxyCores })
      await child.stop()
      return tookMs
    })
    const goal = { must: 100, aim: 60 }
    return [valueRow(`start to first 200 in ms, median of ${times}`, found, goal, { digits: 0, unit: 'ms' })]
  } finally {
    await mock.stop()
  }
}
