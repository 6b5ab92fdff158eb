import { z } from 'zod'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import type { World } from '../machine/world.ts'
import { masterKey } from '../plan.ts'

const Upstreams = z.looseObject({
  calls: z.looseObject({ running: z.number(), waiting: z.number() }),
  data: z.array(z.looseObject({ name: z.string(), running_calls: z.number() })),
})

/** Milliseconds after which an idle connection is closed, and some more. */
const sweepMs = 120_000

/** Stops a process that has nothing to do. @returns what it still has */
export async function judgeLeftovers(process: GatewayProcess, world: World): Promise<readonly string[]> {
  const { runtime, store, faultLines } = process
  // a store that is out of reach is an error, and no fault of the program
  const own = faultLines.filter((line) => !line.includes('"code":"overloaded"'))
  const wrong = own.map((line) => `logs ${line.trimEnd()}`)
  if (runtime.network.pendingRequests > 0) wrong.push(`keeps ${runtime.network.pendingRequests} requests open`)
  if (store.held.size > 0) wrong.push(`keeps the leases ${[...store.held.values()].join(', ')}`)
  const response = await process.fetch('/admin/upstreams', { headers: { authorization: `Bearer ${masterKey}` } })
  const { calls, data } = Upstreams.parse(await response.json())
  if (calls.running + calls.waiting > 0)
    wrong.push(`keeps the permits of ${calls.running} calls, ${calls.waiting} wait`)
  for (const { name, running_calls } of data)
    if (running_calls > 0) wrong.push(`keeps ${running_calls} permits of ${name}`)
  let hasStopped = false
  void process.stop().then(() => {
    hasStopped = true
  })
  await world.run(sweepMs)
  if (!hasStopped) wrong.push('does not stop')
  if (runtime.network.openConnections > 0) wrong.push(`keeps ${runtime.network.openConnections} connections open`)
  if (runtime.timers.keeping > 0) wrong.push(`keeps ${runtime.timers.keeping} timers`)
  return wrong
}
