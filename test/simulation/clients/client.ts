import type { Chance } from '../chance.ts'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import type { World } from '../machine/world.ts'
import { promptOf } from '../upstreams/truth.ts'
import type { Seen } from './seen.ts'

/** How one client asks once. Times are milliseconds. */
export interface Visit {
  readonly seen: Seen
  readonly process: GatewayProcess
  /** After this time the client leaves, whatever it has got. */
  readonly patienceMs: number
  /** How long the client waits between two reads. */
  readonly readPauseMs: number
}

/** Asks for a chat completion as a client does, and writes down what comes. */
export function visit({ seen, process, ...manner }: Visit, world: World): Promise<void> {
  const ask = (signal: AbortSignal) => process.fetch('/v1/chat/completions', requestOf(seen, signal))
  return readResponse(ask, { seen, world, ...manner })
}

interface Reading extends Omit<Visit, 'process'> {
  readonly world: World
}

/** Sends a request, and reads the answer until its end or until the client leaves. */
export async function readResponse(
  ask: (signal: AbortSignal) => Promise<Response>,
  { seen, world, patienceMs, readPauseMs }: Reading,
): Promise<void> {
  const leaving = new AbortController()
  const timer = world.timers.set(patienceMs, () => {
    seen.end ??= 'left'
    // the answer may come much later, and must not be waited for
    seen.endedAt ??= world.elapsed()
    world.history.add('client', `leaves ${seen.wish.id}`)
    leaving.abort()
  })
  try {
    const response = await ask(leaving.signal)
    seen.status = response.status
    world.history.add('client', `${seen.wish.id} gets ${response.status}`)
    await read(response, { seen, world, readPauseMs })
    seen.end ??= 'whole'
  } catch {
    seen.end ??= 'broken'
  }
  timer.stop()
  seen.endedAt ??= world.elapsed()
  world.history.add('client', `${seen.wish.id} ends ${seen.end}: ${Bun.hash(seen.body).toString(36)}`)
}

export function requestOf({ wish, model, isStreamed, key }: Seen, signal: AbortSignal): RequestInit {
  const messages = [{ role: 'user', content: promptOf(wish) }]
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, messages, ...(isStreamed && { stream: true }) }),
    signal,
  }
}

async function read(response: Response, { seen, world, readPauseMs }: Omit<Reading, 'patienceMs'>): Promise<void> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    seen.body += decoder.decode(next.value, { stream: true })
    if (readPauseMs > 0) await world.pass(readPauseMs)
    if (seen.end === 'left') await reader?.cancel()
  }
}

/** How patient a client is, and how fast it reads. */
export function pickPatience(chance: Chance): Pick<Visit, 'patienceMs' | 'readPauseMs'> {
  return {
    patienceMs: chance.happens(0.25) ? chance.between(1, 5_000) : 120_000,
    readPauseMs: chance.happens(0.15) ? chance.between(1, 400) : 0,
  }
}
