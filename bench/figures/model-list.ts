import { getRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { type Figure, inTurn, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendCount } from '../load.ts'
import { manyModels } from '../mock-scripts.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { elysia, type ProxyServer, passThrough, tributary } from '../proxies.ts'
import { ratioRow } from '../rows.ts'
import { startMock } from '../targets.ts'

const connections = 4
const models = 5_000
const requests = 200
const request = getRequest('/v1/models')

export const modelList: Figure = { name: 'list of models', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const mock = await startMock(models)
  try {
    const proxies = [passThrough, elysia, tributary]
    const found = await inTurn(proxies, run.rounds(5), (proxy) => cpuUsOf(proxy, mock, run))
    const figure = `CPU a GET /v1/models in µs, ${models} models, after the first`
    return [ratioRow(figure, found, { must: 1 })]
  } finally {
    await mock.stop()
  }
}

async function cpuUsOf(proxy: ProxyServer, mock: Child, { proxyCores }: Run): Promise<number> {
  const environment = { OPENAI_MODELS: manyModels(models).join(',') }
  const child = await proxy.start(mock, { cores: proxyCores, environment })
  try {
    const opened = await openConnections(child.port, connections)
    await sendCount(opened, request, 1)
    const spentUs = await cpuUsDuring(child.pid, () => sendCount(opened, request, requests))
    closeAll(opened)
    return spentUs / requests
  } finally {
    await child.stop()
  }
}
