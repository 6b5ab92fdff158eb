import { chatRequest } from '../chat-request.ts'
import { Connection, openStream } from '../connection.ts'
import { type Effort, type Figure, interleave, type Row } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { rssKib } from '../process-usage.ts'
import { slope } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

/** Compiled code and pools take some MiB once, even in the bare proxy, and within its first 4,000 requests. */
const warmUpRequests = 5_000
const rounds = 5
const requestsPerRound = 5_000
const requestsAtOnce = 16
const settleMs = 2_000
const targetKib = 0.5

export const leak: Figure = { name: 'leak slope', measure }

async function measure(effort: Effort): Promise<readonly Row[]> {
  await using targets = await startTargets()
  const requests = effort.count(requestsPerRound)
  const proxies = [targets.passThrough, targets.tributary]
  for (const proxy of proxies) await send(proxy, warmUpRequests)
  const memory = await interleave(proxies, rounds, (proxy) => rssAfter(proxy, requests))
  const slopeOf = (rounds: readonly number[]): number => slope(rounds.map((kib, round) => [round * requests, kib]))
  const found = slopeOf(memory.tributary)
  return [
    {
      figure: `RSS slope in KiB per request, ${rounds} × ${requests} requests: JSON, streamed, aborted`,
      passThrough: slopeOf(memory['pass-through']).toFixed(2),
      tributary: found.toFixed(2),
      target: `within ± ${targetKib}`,
      isMet: Math.abs(found) <= targetKib,
    },
  ]
}

async function rssAfter(target: Target, requests: number): Promise<number> {
  await send(target, requests)
  await Bun.sleep(settleMs)
  return rssKib(target.pid)
}

function send(target: Target, requests: number): Promise<void> {
  return runCount(requests, requestsAtOnce, (index) => requestOf(index % 3, target.port))
}

async function requestOf(kind: number, port: number): Promise<void> {
  if (kind === 0) return (await openStream(port, chatRequest('paced-5ms'))).close()
  const connection = await Connection.open(port)
  await connection.request(chatRequest(kind === 1 ? 'json' : 'burst'))
  connection.close()
}
