import { chatRequest } from '../chat-request.ts'
import { Connection, openStream } from '../connection.ts'
import { type Figure, interleave, mapTargets, type Row, type Run } from '../figure.ts'
import { runCount } from '../lanes.ts'
import { rssKib } from '../process-usage.ts'
import { passThrough, tributary } from '../proxies.ts'
import { slope } from '../statistics.ts'
import { startTargets, type Target } from '../targets.ts'

/** Compiled code and pools take some MiB once, even in the bare proxy, and within its first 4,000 requests. */
const warmUpRequests = 5_000
const rounds = 5
const requestsPerRound = 5_000
const requestsAtOnce = 16
const settleMs = 2_000
const mostKib = 0.5

export const leak: Figure = { name: 'memory slope', isSlow: true, measure }

async function measure(run: Run): Promise<readonly Row[]> {
  await using targets = await startTargets(run, [passThrough, tributary])
  const requests = run.count(requestsPerRound)
  for (const proxy of targets.proxies) await send(proxy, warmUpRequests)
  const memory = await interleave(targets.proxies, rounds, (proxy) => rssAfter(proxy, requests))
  const slopes = mapTargets(memory, (kib) => slope(kib.map((value, round) => [round * requests, value])))
  return [
    {
      figure: `memory slope in KiB a request, ${rounds} × ${requests} requests: JSON, streamed, aborted`,
      values: mapTargets(slopes, (kib) => kib.toFixed(2)),
      must: `± ${mostKib} KiB`,
      isMet: Math.abs(slopes.get('tributary') ?? Number.NaN) <= mostKib,
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
