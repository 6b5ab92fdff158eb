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

/** Asks as a client does, and writes down what comes. */
export async function visit({ seen, process, patienceMs, readPauseMs }: Visit, world: World): Promise<void> {
  const leaving = new AbortController()
  const timer = world.timers.set(patienceMs, () => {
    seen.end ??= 'left'
    world.history.add('client', `leaves ${seen.wish.id}`)
    leaving.abort()
  })
  try {
    const response = await process.fetch('/v1/chat/completions', requestOf(seen, leaving.signal))
    seen.status = response.status
    world.history.add('client', `${seen.wish.id} gets ${response.status}`)
    await read(response, { seen, world, readPauseMs })
    seen.end ??= 'whole'
  } catch {
    seen.end ??= 'broken'
  }
  timer.stop()
  seen.endedAt = world.elapsed()
  world.history.add('client', `${seen.wish.id} ends ${seen.end}: ${Bun.hash(seen.body).toString(36)}`)
}

function requestOf({ wish, model, isStreamed, key }: Seen, signal: AbortSignal): RequestInit {
  const messages = [{ role: 'user', content: promptOf(wish) }]
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, messages, ...(isStreamed && { stream: true }) }),
    signal,
  }
}

interface Reading {
  readonly seen: Seen
  readonly world: World
  readonly readPauseMs: number
}

async function read(response: Response, { seen, world, readPauseMs }: Reading): Promise<void> {
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
