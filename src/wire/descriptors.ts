import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import type { Logger } from '../flow/call.ts'
import { repeat } from '../flow/repeat.ts'
import type { Timers } from '../flow/timers.ts'
import { pauseListeners } from './listeners.ts'

/** Milliseconds between two checks. Until the next check, an event loop that cannot accept spins. */
const lookMs = 100
const maxReserve = 64

/**
 * Keeps file descriptors in reserve, and accepts no connection while all others are used: new connections wait in the
 * kernel's queue, and running calls use the reserve for upstreams, files and tools. Without a reserve a flood of
 * connections leaves no descriptor to answer them with, and the event loop spins on a queue that it cannot empty.
 * @returns a function that frees the reserve and stops the checks
 */
export function guardDescriptors(log: Logger, timers: Timers): () => void {
  const limit = descriptorLimit()
  if (limit === 0) return () => undefined
  const reserve = new Reserve(reserveOf(limit))
  let resume: (() => void) | undefined
  const look = () => {
    if (resume) {
      if (openDescriptors() + 2 * reserve.size > limit) return
      reserve.fill()
      resume()
      resume = undefined
      log.info({ limit }, 'new connections are accepted again')
    } else if (!canOpen()) {
      reserve.release()
      resume = pauseListeners() ?? (() => undefined)
      log.warn(
        { limit },
        'no file descriptors are left: new connections wait. Raise the limit (ulimit -n, LimitNOFILE=)',
      )
    }
  }
  const stopLooking = repeat(timers, lookMs, look)
  return () => {
    stopLooking()
    reserve.release()
    resume?.()
  }
}

/**
 * How many connections can be opened in addition to the reserve and to what is open now. Infinity if the limit is
 * unknown.
 */
export function connectionsWithinDescriptors(): number {
  const limit = descriptorLimit()
  return limit === 0 ? Number.POSITIVE_INFINITY : Math.max(0, limit - reserveOf(limit) - openDescriptors())
}

function reserveOf(limit: number): number {
  return Math.min(maxReserve, Math.floor(limit / 8))
}

class Reserve {
  readonly size: number
  #held: number[] = []

  constructor(size: number) {
    this.size = size
    this.fill()
  }

  fill(): void {
    try {
      while (this.#held.length < this.size) this.#held.push(openNothing())
    } catch {
      // the reserve then consists of the descriptors that could be opened
    }
  }

  release(): void {
    for (const descriptor of this.#held.splice(0)) closeSync(descriptor)
  }
}

function openNothing(): number {
  return openSync('/dev/null', 'r')
}

function canOpen(): boolean {
  try {
    closeSync(openNothing())
    return true
  } catch {
    return false
  }
}

/** Returns 0 if the limit is unknown: there is no `/proc`, or no limit. */
function descriptorLimit(): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return Number(soft)
  } catch {
    return 0
  }
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    // reading the folder needs a descriptor too, so none is left
    return Number.POSITIVE_INFINITY
  }
}
