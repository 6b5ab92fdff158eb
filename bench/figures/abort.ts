import { chatRequest } from '../chat-request.ts'
import { epochMs } from '../clock.ts'
import { Connection, openStream } from '../connection.ts'
import { forgetCuts, type UpstreamState, upstreamState } from '../control.ts'
import { type Figure, interleave, mapTargets, type Rounds, type Row, type Run } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { judge } from '../rows.ts'
import { median, quantile } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

const abortsPerRound = 50
const abortsAtOnce = 8
const givingUpMs = 2_000
const askAgainMs = 20
const milliseconds = { digits: 2, unit: 'ms' } as const

const phases = [
  { name: 'talking upstream', model: 'paced-5ms', goal: { must: 1.5, aim: 0.5 } },
  { name: 'upstream silent after its head', model: 'silent', goal: { must: 5, aim: 1.5 } },
  { name: 'upstream silent without a head', model: 'silent-head', goal: { must: 5, aim: 1.5 } },
] as const

/** Milliseconds from the client's close to the upstream's, or what did not happen within 2 s. */
type Closing = number | 'never asked' | 'never closed'
type Aborts = { readonly model: string; readonly aborts: number }

export const abort: Figure = { name: 'client leaves, upstream closed', measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run)
  const { direct, proxies } = targets
  const rows: Row[] = []
  for (const phase of phases) {
    const aborts = run.count(abortsPerRound)
    const closings = await interleave([direct, ...proxies], run.rounds(8), (target) =>
      closingsOf(direct, target, { model: phase.model, aborts }),
    )
    rows.push(...rowsOf(phase, closings))
  }
  return rows
}

function rowsOf({ name, goal }: (typeof phases)[number], rounds: Rounds<readonly Closing[]>): readonly Row[] {
  const closings = mapTargets(rounds, (found) => found.flat())
  const times = mapTargets(closings, (found) => found.filter((closing) => typeof closing === 'number'))
  const count = closings.get('tributary')?.length ?? 0
  const missed = count - (times.get('tributary')?.length ?? 0)
  return [
    {
      figure: `client leaves → upstream closed in ms, p50 (p99), ${name}`,
      values: mapTargets(times, printTimes),
      ...judge(median(times.get('tributary') ?? []), goal, milliseconds),
    },
    {
      figure: `of ${count} such upstream requests, never closed within ${givingUpMs / 1_000} s, ${name}`,
      values: mapTargets(closings, printMissed),
      must: '0',
      isMet: missed === 0,
    },
  ]
}

/** Lets clients leave. A client leaves 5 to 25 ms after its request was sent, and not before the upstream has it. */
async function closingsOf(mock: Target, target: Target, { model, aborts }: Aborts): Promise<readonly Closing[]> {
  await forgetCuts(mock)
  const leftAtMs = new Map<string, number | undefined>()
  await runCount(aborts, abortsAtOnce, async () => {
    const content = `abort ${crypto.randomUUID()}`
    const connection = await startRequest(target, model, content)
    await Bun.sleep(5 + Math.random() * 20)
    const isAsked = await waitFor(mock, ({ pending }) => pending.has(content))
    leftAtMs.set(content, isAsked ? epochMs() : undefined)
    connection.close()
  })
  const asked = [...leftAtMs].filter(([, atMs]) => atMs !== undefined)
  await waitFor(mock, ({ cutAtMs }) => asked.every(([content]) => cutAtMs.has(content)))
  const { cutAtMs } = await upstreamState(mock)
  return [...leftAtMs].map(([content, atMs]) => {
    if (atMs === undefined) return 'never asked'
    const closedAtMs = cutAtMs.get(content)
    return closedAtMs === undefined ? 'never closed' : closedAtMs - atMs
  })
}

async function startRequest(target: Target, model: string, content: string): Promise<Connection> {
  const request = chatRequest(model, content)
  if (model === 'paced-5ms') return openStream(target.port, request)
  const connection = await Connection.open(target.port)
  connection.request(request).catch(() => {}) // it will be aborted
  return connection
}

/** Asks the mock for its state until the condition is met. @returns false if it is not met within 2 s */
async function waitFor(mock: Target, isMet: (state: UpstreamState) => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + givingUpMs
  while (!isMet(await upstreamState(mock))) {
    if (performance.now() > deadlineMs) return false
    await Bun.sleep(askAgainMs)
  }
  return true
}

function printTimes(times: readonly number[]): string {
  return `${median(times).toFixed(2)} (${quantile(times, 0.99).toFixed(2)})`
}

function printMissed(closings: readonly Closing[]): string {
  const of = (what: Closing): number => closings.filter((closing) => closing === what).length
  const unasked = of('never asked')
  return `${of('never closed')}${unasked > 0 ? ` (and ${unasked} that never came)` : ''}`
}
