import type { Chance } from '../chance.ts'
import type { Cluster } from '../machine/cluster.ts'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import type { World } from '../machine/world.ts'
import { requestOf } from './client.ts'
import type { Seen } from './seen.ts'

interface Resuming {
  readonly seen: Seen
  readonly cluster: Cluster
  readonly world: World
  readonly chance: Chance
}

/** A client that reads a stream until its connection breaks, comes back, and goes on where it was, perhaps at another process. */
export async function resume(first: GatewayProcess, resuming: Resuming): Promise<void> {
  const { seen, cluster, world, chance } = resuming
  let stream: string | undefined
  let process: GatewayProcess | undefined = first
  for (let comesBack = 5; comesBack > 0 && seen.end === undefined; comesBack--) {
    if (process) stream = (await readOnce(process, stream, resuming)) ?? stream
    if (stream === undefined) seen.end ??= 'broken'
    if (seen.end === undefined) await world.pass(chance.between(50, 8_000))
    process = cluster.pick(chance)
  }
  seen.end ??= 'left'
  seen.endedAt = world.elapsed()
  world.history.add('client', `${seen.wish.id} ends ${seen.end}: ${Bun.hash(seen.body).toString(36)}`)
}

/** Reads until the end, or until the client leaves. @returns the stream's id */
async function readOnce(process: GatewayProcess, stream: string | undefined, { seen, world, chance }: Resuming) {
  const leaving = new AbortController()
  let id: string | undefined
  const timer = world.timers.set(chance.happens(0.3) ? 120_000 : chance.between(1, 3_000), () => {
    // a stream whose id the client has not got yet cannot be resumed
    if (stream === undefined && seen.status === undefined) seen.end = 'left'
    leaving.abort()
  })
  try {
    const response = await (stream === undefined
      ? process.fetch('/v1/chat/completions', begin(seen, leaving.signal))
      : process.fetch(`/v1/streams/${stream}`, goOn(seen, leaving.signal)))
    world.history.add('client', `${seen.wish.id} gets ${response.status} of ${process.name}`)
    id = response.headers.get('x-tributary-stream') ?? undefined
    const isLater = stream !== undefined && response.status !== 200
    if (!isLater) seen.status = response.status
    const text = await takeEvents(response, seen)
    // nothing is left of it where its process has died
    if (isLater && response.status === 404) seen.end = 'broken'
    else if (isLater) world.history.add('client', `${seen.wish.id} tries again`)
    else if (response.status !== 200) Object.assign(seen, { body: text, end: 'whole' })
    else if (hasEnd(seen.body)) seen.end = 'whole'
    else if (!text.includes('event: error'))
      seen.complaint ??= `its stream was closed at ${world.elapsed()} without an end`
  } catch {
    // the connection is broken, and the client comes back
  }
  timer.stop()
  return id
}

function begin(seen: Seen, signal: AbortSignal): RequestInit {
  const init = requestOf(seen, signal)
  return { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), 'x-tributary-resumable': 'true' } }
}

function goOn({ key, body }: Seen, signal: AbortSignal): RequestInit {
  const last = [...body.matchAll(/^id: ?(\d+)$/gm)].at(-1)?.[1]
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(last !== undefined && { 'last-event-id': last }),
  }
  return { headers, signal }
}

/** Keeps whole events only, as a browser does. @returns everything that came */
async function takeEvents(response: Response, seen: Seen): Promise<string> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  let all = ''
  let rest = ''
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    const text = decoder.decode(next.value, { stream: true })
    all += text
    rest += text
    const end = rest.lastIndexOf('\n\n')
    if (end === -1 || response.status !== 200) continue
    const events = rest.slice(0, end + 2)
    // the store could not be read, and the client asks again
    if (!events.includes(storeFailure)) seen.body += events
    rest = rest.slice(end + 2)
  }
  return all
}

const storeFailure = 'event: error\ndata: {"type":"error","error":{"message":"The storage does not answer.'

function hasEnd(body: string): boolean {
  return body.includes('data: [DONE]') || body.includes('"error":')
}
