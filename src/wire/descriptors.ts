import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import type { Logger } from '../flow/call.ts'
import { pauseListeners } from './listeners.ts'

/** Milliseconds between two looks. Until then an event loop that can accept nothing more asks the kernel over and over. */
const lookMs = 100
const maxReserve = 64

/**
 * Keeps descriptors in reserve, and takes no further connection while the rest is used up: connections wait in the kernel's
 * queue, and what runs has the reserve for its upstreams, files and tools. Without it a flood of connections leaves
 * nothing to answer them with, and the event loop spins on a queue it cannot empty.
 * @returns a function that gives the reserve back and stops looking
 */
export function guardDescriptors(log: Logger): () => void {
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
  const timer = setInterval(look, lookMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    reserve.release()
    resume?.()
  }
}

/** Answers that can run at once: each has a connection of its client and one of its upstream. Infinity where the limit is not known. */
export function answersWithinDescriptors(): number {
  const limit = descriptorLimit()
  return limit === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((limit - reserveOf(limit)) / 2))
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
      // what could be had is the reserve
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

/** 0 where the limit is not known: there is no `/proc`, or no limit. */
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
    // looking takes a descriptor, too
    return Number.POSITIVE_INFINITY
  }
}
