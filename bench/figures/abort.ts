import { chatRequest } from '../chat-request.ts'
import { epochMs } from '../clock.ts'
import { Connection, openStream } from '../connection.ts'
import { forgetCuts, upstreamState } from '../control.ts'
import { type Effort, type Figure, interleave, type Row } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const abortsPerRound = 50
const abortsAtOnce = 8
const givingUpMs = 2_000
const targetMs = 5

const phases = [
  { name: 'mid-way', model: 'paced-5ms' },
  { name: 'upstream silent after its headers', model: 'silent' },
  { name: 'upstream silent without headers', model: 'silent-head' },
] as const

type Aborts = { readonly model: string; readonly aborts: number }

export const abort: Figure = { name: 'client abort to upstream close', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  await using targets = await startTargets()
  const { direct, passThrough, tributary } = targets
  const rows: Row[] = []
  for (const { name, model } of phases) {
    const times = await interleave([direct, passThrough, tributary], effort.rounds(8), (target) =>
      closingTimes(direct, target, { model, aborts: effort.count(abortsPerRound) }),
    )
    const p99 = quantile(times.tributary.flat(), 0.99)
    rows.push({
      figure: `client abort to upstream close in ms, p50 / p99, ${name}, ${times.tributary.flat().length} aborts`,
      direct: print(times.direct.flat()),
      passThrough: print(times['pass-through'].flat()),
      tributary: print(times.tributary.flat()),
      target: `p99 <= ${targetMs}`,
      isMet: p99 <= targetMs,
    })
  }
  return rows
}

/** Returns milliseconds. If an upstream connection is still open after 2 s, its time is infinite. */
async function closingTimes(mock: Target, target: Target, { model, aborts }: Aborts): Promise<readonly number[]> {
  await forgetCuts(mock)
  const abortedAtMs = new Map<string, number>()
  await runCount(aborts, abortsAtOnce, async () => {
    const content = `abort ${crypto.randomUUID()}`
    const connection = await startRequest(target, model, content)
    await Bun.sleep(5 + Math.random() * 20)
    abortedAtMs.set(content, epochMs())
    connection.close()
  })
  const cutAtMs = await waitForCuts(mock, [...abortedAtMs.keys()])
  return [...abortedAtMs].map(([content, atMs]) => (cutAtMs.get(content) ?? Number.POSITIVE_INFINITY) - atMs)
}

async function startRequest(target: Target, model: string, content: string): Promise<Connection> {
  const request = chatRequest(model, content)
  if (model === 'paced-5ms') return openStream(target.port, request)
  const connection = await Connection.open(target.port)
  connection.request(request).catch(() => {}) // it will be aborted
  return connection
}

async function waitForCuts(mock: Target, contents: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const deadlineMs = performance.now() + givingUpMs
  let { cutAtMs } = await upstreamState(mock)
  while (contents.some((content) => !cutAtMs.has(content)) && performance.now() < deadlineMs) {
    await Bun.sleep(50)
    cutAtMs = (await upstreamState(mock)).cutAtMs
  }
  return cutAtMs
}

function print(timesMs: readonly number[]): string {
  return `${median(timesMs).toFixed(2)} / ${quantile(timesMs, 0.99).toFixed(2)}`
}
