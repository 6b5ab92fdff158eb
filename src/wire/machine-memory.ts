import type { MemoryUse } from '../flow/runtime.ts'

/**
 * Measures the memory of this process. A measurement needs a file descriptor, so the last one counts while none is left.
 * @returns a function that measures
 */
export function openMemory(): () => MemoryUse {
  const limitBytes = process.constrainedMemory() || Number.POSITIVE_INFINITY
  let usedBytes = 0
  return () => {
    try {
      usedBytes = process.memoryUsage.rss()
    } catch {
      // the next measurement is not far
    }
    return { usedBytes, limitBytes }
  }
}
