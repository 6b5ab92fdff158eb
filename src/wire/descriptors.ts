import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import type { Logger } from '../flow/call.ts'
import type { Timers } from '../flow/timers.ts'
import { pauseListeners } from './listeners.ts'

/**
 * Milliseconds between two checks while connections come or go, and while none does. Until the next check, an event loop
 * that cannot accept spins. Frequent checks would keep Bun from seeing an idle program, whose memory it frees
 * (docs/decisions/0051-quiet-when-idle.md).
 */
const busyMs = 100
const idleMs = 1_000
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
  let lowest = lowestFree()
  const look = () => {
    const before = lowest
    lowest = lowestFree()
    timer.feed(lowest === before && !resume ? idleMs : busyMs)
    if (resume) {
      if (openDescriptors() + 2 * reserve.size > limit) return
      reserve.fill()
      resume()
      resume = undefined
      log.info({ limit }, 'new connections are accepted again')
    } else if (lowest === undefined) {
      reserve.release()
      resume = pauseListeners() ?? (() => undefined)
      log.warn(
        { limit },
        'no file descriptors are left: new connections wait. Raise the limit (ulimit -n, LimitNOFILE=)',
      )
    }
  }
  const timer = timers.set(busyMs, look, { isBackground: true })
  return () => {
    timer.stop()
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

/** Returns the number of the lowest free descriptor; undefined if none is left. */
function lowestFree(): number | undefined {
  try {
    const descriptor = openNothing()
    closeSync(descriptor)
    return descriptor
  } catch {
    return undefined
  }
}

/** Returns 0 if the limit is unknown: there is no `/proc`, or no limit. */
export function descriptorLimit(): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return Number(soft)
  } catch {
    return 0
  }
}

/** The number of open descriptors; Infinity if it cannot be read. */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    // reading the folder needs a descriptor too, so none is left
    return Number.POSITIVE_INFINITY
  }
}
