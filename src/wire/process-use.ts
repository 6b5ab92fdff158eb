import { readFileSync } from 'node:fs'
import { descriptorLimit, openDescriptors } from './descriptors.ts'

/** What this process uses of its machine. What the system does not tell is undefined. */
export interface ProcessUse {
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly virtualBytes: number | undefined
  readonly openDescriptors: number | undefined
  readonly maxDescriptors: number | undefined
  /** The objects of the program, and what is reserved for them. */
  readonly heapBytes: number
  readonly heapCapacityBytes: number
  readonly externalBytes: number
  /** Garbage collections that were noticed. Bun reports none, so an object without use tells of it when it is gone. */
  readonly collections: number
}

/**
 * Measures what this process uses.
 * @returns a function that measures; it reads some files of `/proc`, so nobody should call it more than once a second
 */
export function openProcessUse(): () => ProcessUse {
  let collections = 0
  const registry = new FinalizationRegistry(() => {
    collections++
    watchNext()
  })
  const watchNext = () => registry.register({}, undefined)
  watchNext()
  return () => {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    const limit = descriptorLimit()
    const open = openDescriptors()
    return {
      cpuSeconds: (user + system) / 1_000_000,
      residentBytes: rss,
      virtualBytes: virtualBytes(),
      openDescriptors: Number.isFinite(open) ? open : undefined,
      maxDescriptors: limit === 0 ? undefined : limit,
      heapBytes: heapUsed,
      heapCapacityBytes: heapTotal,
      externalBytes: external,
      collections,
    }
  }
}

function virtualBytes(): number | undefined {
  try {
    const [, kilobytes] = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}
