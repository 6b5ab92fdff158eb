import { jsonRequest } from '../chat-request.ts'
import type { Child } from '../child.ts'
import { type Figure, inTurn, mapRounds, pairwise, type Rounds, type Row, type Run } from '../figure.ts'
import { closeAll, openConnections, sendCount } from '../load.ts'
import { cpuUsDuring } from '../process-usage.ts'
import { tributary } from '../proxies.ts'
import { judge, withRatio } from '../rows.ts'
import { median } from '../statistics.ts'
import { startMock } from '../targets.ts'
import { timedStart } from '../timed-start.ts'

const connections = 32
const keys = 1_000
const requests = 2_000

type Variant = {
  readonly name: string
  readonly environment: Readonly<Record<string, string>>
  readonly clientKey?: string
}

type Life = { readonly tookMs: number; readonly cpuUs: number }

const ordinary: Variant = { name: 'ordinary', environment: {} }

const upstreamKeys: Variant = {
  name: 'upstream keys',
  environment: Object.fromEntries(numbered('OPENAI_API_KEY_').map((name, index) => [name, `bench-account-${index}`])),
}

const clientKeys: Variant = {
  name: 'client keys',
  environment: { API_MASTER_KEY: numbered('bench-client-').join(',') },
  clientKey: numbered('bench-client-').at(-1) ?? '',
}

const variants = [ordinary, upstreamKeys, clientKeys]

/** Measures what many keys cost the gateway: those of one upstream, or those of its clients. */
export const manyKeys: Figure = { name: 'many keys', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const mock = await startMock()
  try {
    const lives = await inTurn(variants, run.count(5), (variant) => liveOnce(variant, mock, run))
    const tookMs = mapRounds(lives, (life) => life.tookMs)
    const cpuUs = mapRounds(lives, (life) => life.cpuUs)
    const cost = `CPU a JSON request in µs, the first ${requests} of a process`
    return [
      rowOf(`start to first 200 in ms, ${keys} keys of an upstream (× with one)`, tookMs, upstreamKeys.name, 1.5),
      rowOf(`${cost}, ${keys} keys of an upstream (× with one)`, cpuUs, upstreamKeys.name, 1.1),
      rowOf(`start to first 200 in ms, ${keys} keys of clients (× without)`, tookMs, clientKeys.name, 1.5),
      rowOf(`${cost}, ${keys} keys of clients (× without)`, cpuUs, clientKeys.name, 1.1),
    ]
  } finally {
    await mock.stop()
  }
}

function rowOf(figure: string, found: Rounds<number>, variant: string, must: number): Row {
  const many = found.get(variant) ?? []
  const ratio = median(pairwise(many, found.get(ordinary.name) ?? [], (value, base) => value / base))
  const values = new Map([['tributary', withRatio(median(many), ratio, 0)]])
  return { figure, values, ...judge(ratio, { must }, { digits: 2, unit: '×' }) }
}

async function liveOnce({ environment, clientKey }: Variant, mock: Child, { proxyCores }: Run): Promise<Life> {
  const { child, tookMs } = await timedStart(tributary, mock, { cores: proxyCores, environment })
  try {
    const opened = await openConnections(child.port, connections)
    const request = jsonRequest([{ role: 'user', content: 'Say tok.' }], clientKey)
    const spentUs = await cpuUsDuring(child.pid, () => sendCount(opened, request, requests))
    closeAll(opened)
    return { tookMs, cpuUs: spentUs / requests }
  } finally {
    await child.stop()
  }
}

function numbered(prefix: string): readonly string[] {
  return Array.from({ length: keys }, (_, index) => `${prefix}${index + 1}`)
}
